"""What training hands to the service: the model folder's format, its reader and its writer.

This is all of `training` that the service imports. It is light: nothing here imports Keras, and the writer
(`training.artefact.writer`) is not imported here.
"""

from training.artefact.archive import Archive
from training.artefact.fallback import Fallback
from training.artefact.given_ratings import GivenRatings
from training.artefact.ids.vocabulary import MAX_ID_LENGTH, UNKNOWN, RawId, Vocabulary, is_canonical_number
from training.artefact.manifest import Manifest
from training.artefact.reader import (
    Artefact,
    is_unchanged,
    list_artefacts,
    movie_titles,
    open_artefact,
    open_stored,
)
from training.errors import ArtefactDamaged, ArtefactError, ArtefactForeign, ArtefactMissing

__all__ = [
    "MAX_ID_LENGTH",
    "UNKNOWN",
    "Archive",
    "Artefact",
    "ArtefactDamaged",
    "ArtefactError",
    "ArtefactForeign",
    "ArtefactMissing",
    "Fallback",
    "GivenRatings",
    "Manifest",
    "RawId",
    "Vocabulary",
    "is_canonical_number",
    "is_unchanged",
    "list_artefacts",
    "movie_titles",
    "open_artefact",
    "open_stored",
]
