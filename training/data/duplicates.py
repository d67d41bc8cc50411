"""Find pairs that are rated more than once, and merge their ratings."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from training.data.large_arrays import blocks, count_ids, id_ranges

Repeats = Literal["error", "last", "mean", "first"]

# A byte for each possible pair is cheaper than sorting the pairs, while there are not too many of them.
_MOST_BYTES: Final = 2**27
_PAIRS_PER_ROW: Final = 64
_SORTED_ROWS: Final = 2**25


def pair_numbers(
    user_index: NDArray[np.int32], movie_index: NDArray[np.int32], movies: int
) -> NDArray[np.int64]:
    """Return a number for each row that is the same for equal pairs only.

    Args:
        user_index: `(rows,)` positions of the users.
        movie_index: `(rows,)` positions of the movies, below `movies`.
        movies: How many movies there are.
    """
    pairs = user_index.astype(np.int64)
    pairs *= movies
    pairs += movie_index
    return pairs


def has_repeats(
    user_index: NDArray[np.int32],
    movie_index: NDArray[np.int32],
    users: int,
    movies: int,
    sorted_rows: int = _SORTED_ROWS,
) -> bool:
    """Return whether two rows have the same pair.

    Args:
        user_index: `(rows,)` positions of the users, below `users`.
        movie_index: `(rows,)` positions of the movies, below `movies`.
        users: How many users there are.
        movies: How many movies there are.
        sorted_rows: Maximum number of rows to sort at a time.
    """
    if users * movies <= min(_MOST_BYTES, _PAIRS_PER_ROW * user_index.size):
        seen = np.zeros(users * movies, dtype=np.bool_)
        for rows in blocks(user_index.size):
            seen[pair_numbers(user_index[rows], movie_index[rows], movies)] = True
        return int(np.count_nonzero(seen)) < user_index.size
    # Sorted in ranges of users, which bounds the memory.
    for first, last in id_ranges(count_ids(user_index, users), sorted_rows):
        pairs = np.concatenate(
            [
                _pairs_of(user_index[rows], movie_index[rows], movies, first, last)
                for rows in blocks(user_index.size)
            ]
        )
        pairs.sort()
        if np.any(pairs[1:] == pairs[:-1]):
            return True
    return False


def _pairs_of(
    user_index: NDArray[np.int32], movie_index: NDArray[np.int32], movies: int, first: int, last: int
) -> NDArray[np.int64]:
    """Return the pair numbers of the users from `first` up to `last`."""
    rows = np.flatnonzero((user_index >= first) & (user_index < last))
    return pair_numbers(user_index[rows], movie_index[rows], movies)


def first_repeat(pairs: NDArray[np.int64]) -> tuple[int, int, int]:
    """Return the first row that repeats a pair, the earlier row, and the number of repeated pairs."""
    # A stable order puts the rows of one pair next to each other, earliest first.
    order = np.argsort(pairs, kind="stable")
    same = pairs[order[1:]] == pairs[order[:-1]]
    second = int(order[1:][same].min())
    first = int(np.flatnonzero(pairs == pairs[second])[0])
    return second, first, int(np.unique(pairs[order[1:][same]]).size)


def merged(
    pairs: NDArray[np.int64],
    ratings: NDArray[np.float32],
    times: NDArray[np.int64] | None,
    how: Literal["last", "mean", "first"],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Merge the rows of each pair.

    First and last are meant in time, and among equal times, or without times, in the order of the rows.

    Args:
        pairs: `(rows,)` as of `pair_numbers`.
        ratings: `(rows,)` stars.
        times: `(rows,)` seconds, or None.
        how: Which rating of a pair counts. `mean` keeps the last row of each, with the mean of all.

    Returns:
        The `(kept,)` ascending positions of the rows that stay, and their ratings.
    """
    order = np.lexsort((pairs,) if times is None else (times, pairs))
    ordered = pairs[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    ends = np.append(begins[1:], order.size)
    kept = order[begins] if how == "first" else order[ends - 1]
    values = ratings[kept]
    if how == "mean":
        sums = np.add.reduceat(ratings[order].astype(np.float64), begins)
        values = (sums / (ends - begins)).astype(np.float32)
    rows = np.argsort(kept)
    return kept[rows], values[rows]
