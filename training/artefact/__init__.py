"""The interface between training and the service: the format of a model folder, its reader and its writer.

This is all of `training` that the service imports. It is light: nothing here imports Keras, and the writer
(`training.artefact.writer`) is not imported here.
"""

from training.artefact.archive import Archive as Archive
from training.artefact.fallback import Fallback as Fallback
from training.artefact.given_ratings import GivenRatings as GivenRatings
from training.artefact.ids.vocabulary import MAX_ID_LENGTH as MAX_ID_LENGTH
from training.artefact.ids.vocabulary import UNKNOWN as UNKNOWN
from training.artefact.ids.vocabulary import RawId as RawId
from training.artefact.ids.vocabulary import Vocabulary as Vocabulary
from training.artefact.ids.vocabulary import is_canonical_number as is_canonical_number
from training.artefact.manifest import DEFAULT_ITEM_NAME as DEFAULT_ITEM_NAME
from training.artefact.manifest import Manifest as Manifest
from training.artefact.manifest import Order as Order
from training.artefact.manifest import PartName as PartName
from training.artefact.manifest import RankingRecord as RankingRecord
from training.artefact.ranking_table import RankingTable as RankingTable
from training.artefact.rating_scale import DEFAULT_SCALE as DEFAULT_SCALE
from training.artefact.rating_scale import RatingScale as RatingScale
from training.artefact.reader import Artefact as Artefact
from training.artefact.reader import is_unchanged as is_unchanged
from training.artefact.reader import list_artefacts as list_artefacts
from training.artefact.reader import movie_titles as movie_titles
from training.artefact.reader import open_artefact as open_artefact
from training.artefact.reader import open_stored as open_stored
from training.artefact.uncertainty import Uncertainty as Uncertainty
from training.errors import ArtefactDamaged as ArtefactDamaged
from training.errors import ArtefactError as ArtefactError
from training.errors import ArtefactForeign as ArtefactForeign
from training.errors import ArtefactMissing as ArtefactMissing
from training.errors import StoreMissing as StoreMissing
