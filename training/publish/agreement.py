"""Checks before publication that the service will predict what the Keras model predicts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from training.artefact.engine import read_tables
from training.artefact.reader import Artefact
from training.errors import ArtefactForeign

PAIRS: Final = 600
# In stars.
LARGEST_DIFFERENCE: Final = 1e-5


def check_agreement(artefact: Artefact, indexed: Any) -> None:
    """Compare the artefact's tables, read as the service reads them, with the Keras model that was saved.

    Args:
        artefact: The artefact, read back from disk.
        indexed: Keras model from int32 `user_index` and `movie_index`, `(n,)` each, to ratings `(n,)`.

    Raises:
        ArtefactForeign: If they differ on any of 604 pairs, which include the first and last ids.
    """
    user, movie = (
        np.linspace(0, len(ids) - 1, PAIRS).round().astype(np.int32)
        for ids in (artefact.users, artefact.movies)
    )
    movie = np.roll(movie, PAIRS // 3)
    ends = np.array([[0, 0, -1, -1], [0, -1, 0, -1]])
    user = np.concatenate([user, user[ends[0]]])
    movie = np.concatenate([movie, np.sort(movie)[ends[1]]])
    expected = np.asarray(indexed([user, movie]))
    difference = float(np.abs(read_tables(artefact.archive).rate(user, movie) - expected).max())
    if not difference <= LARGEST_DIFFERENCE * artefact.manifest.scale.unit:
        raise ArtefactForeign(
            artefact.folder,
            f"the table engine and the Keras model predict different ratings (by {difference:.2g})",
        )
