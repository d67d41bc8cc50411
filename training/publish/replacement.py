"""Replace an artefact in its store by one with the same weights and other files or figures."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.artefact.manifest import MODEL_FILE
from training.artefact.ranking_table import RankingTable
from training.artefact.reader import Artefact, movie_titles
from training.artefact.uncertainty import Uncertainty
from training.artefact.writer import publish


def replace_artefact(
    artefact: Artefact,
    about: Mapping[str, Any],
    *,
    ranking: RankingTable | None = None,
    uncertainty: Uncertainty | None = None,
) -> Artefact:
    """Publish an artefact again in its place.

    Args:
        artefact: The artefact; its store must not have changed since it was opened.
        about: Fields of the manifest that change.
        ranking: A ranking; None keeps the one it has.
        uncertainty: Distributions of ratings; None keeps those it has.

    Raises:
        ArtefactError: The store cannot be written; it is as before.
    """
    folder, manifest = artefact.folder.absolute(), artefact.manifest

    def save(path: Path) -> None:
        shutil.copyfile(folder / MODEL_FILE, path)

    return publish(
        folder.parent,
        {**dict(manifest), **about},
        save,
        movie_titles(folder, manifest),
        artefact.given,
        fallback=None if manifest.means_file is None else artefact.fallback,
        new_movies=artefact.fallback.new_movies,
        ranking=artefact.ranking if ranking is None else ranking,
        uncertainty=artefact.uncertainty if uncertainty is None else uncertainty,
    )
