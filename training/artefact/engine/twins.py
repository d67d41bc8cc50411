"""Counts ids that a model cannot tell apart: few bits per value give some of them the same row.

Two users with equal rows and biases get the same rating for every movie, bit for bit, and likewise two movies
with all users. Nothing of one is told to the other, but their predictions and recommendations are the same.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.rating import RatingTables
from training.artefact.manifest import DistinctSideRecord, DistinctVectorsRecord
from training.families.table import Floats, SideTable

# Maximum number of values that are compared, of both sides together: 256 MiB as float32. Sorting needs about
# three times as much memory, and seconds.
MAX_VALUES: Final = 2**26


def count_twins(tables: RatingTables, warm_users: int, warm_movies: int) -> DistinctVectorsRecord:
    """Count the twins of both sides; all rows are decoded.

    Args:
        tables: The model.
        warm_users: Number of users with training ratings; the others are rated by the fallback.
        warm_movies: Likewise of movies.
    """
    return count_equal_rows(
        _rows(tables.users, tables.user_bias, warm_users),
        _rows(tables.movies, tables.movie_bias, warm_movies),
    )


def count_equal_rows(users: Floats, movies: Floats) -> DistinctVectorsRecord:
    """Count the twins of `(users, dim + 1)` and `(movies, dim + 1)` embeddings; biases come last."""
    dim = users.shape[1] - 1
    # A column that is zero for every id of the other side changes no rating; biases always count.
    return DistinctVectorsRecord(
        users=_count(users[:, np.append(movies[:, :dim].any(axis=0), True)]),
        movies=_count(movies[:, np.append(users[:, :dim].any(axis=0), True)]),
    )


def _rows(side: SideTable, bias: NDArray[Any] | None, warm: int) -> Floats:
    """Return `(warm, dim + 1)` embeddings, the last column being the bias."""
    own = np.zeros(warm, np.float32) if bias is None else bias[:warm]
    return np.column_stack([side.rows(np.arange(warm)), own]).astype(np.float32, copy=False)


def _count(rows: Floats) -> DistinctSideRecord:
    groups = np.unique(rows, axis=0, return_counts=True)[1]
    return DistinctSideRecord(
        ids=len(rows),
        distinct=groups.size,
        sharing=int(groups[groups > 1].sum()),
        largest=int(groups.max(initial=0)),
    )
