"""Rejects files in which a user rates a movie more than once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary
from training.errors import DataError


def refuse_repeated_pairs(
    path: Path,
    users: Vocabulary,
    movies: Vocabulary,
    user_index: NDArray[np.int32],
    movie_index: NDArray[np.int32],
    first_line: int,
) -> None:
    """Raise an error if a user rates a movie more than once.

    Args:
        path: Path of the file, for the message.
        users: All user ids.
        movies: All movie ids.
        user_index: `(rows,)` positions in `users`.
        movie_index: `(rows,)` positions in `movies`.
        first_line: Line number of the first rating.

    Raises:
        DataError: If a pair is repeated; the message states both lines of the first repetition.
    """
    pairs = user_index.astype(np.int64)
    pairs *= len(movies)
    pairs += movie_index
    ordered = np.sort(pairs)
    if not np.any(ordered[1:] == ordered[:-1]):
        return
    # A stable sort puts the rows of a pair next to each other, earliest first.
    order = np.argsort(pairs, kind="stable")
    repeats = order[1:][pairs[order[1:]] == pairs[order[:-1]]]
    second = int(repeats.min())
    first = int(np.flatnonzero(pairs == pairs[second])[0])
    user, movie = users[int(user_index[second])], movies[int(movie_index[second])]
    raise DataError(
        path,
        f"{user} rates {movie} a second time, first on line {first + first_line}; keep one of them",
        line=second + first_line,
    )
