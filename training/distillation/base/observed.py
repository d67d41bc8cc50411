"""Training ratings sorted by user and by movie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.data.large_arrays import blocks, count_ids, empty, id_ranges, release
from training.data.shards.grouping import grouped
from training.distillation.base.loops import sum_rows
from training.distillation.base.threads import concatenate, ranges

Floats = NDArray[np.float32]

# More distinct ratings than this are grouped into bins.
_MOST_LEVELS: Final = 50
_BINS: Final = 20
# Ratings whose users are written at a time.
_ROWS: Final = 2**22


@dataclass(frozen=True)
class Observed:
    """Training ratings in stars, sorted by user and then by movie. The arrays may be memory-mapped.

    The teacher and the students work in stars, 0 to 5, so that their settings mean the same on every scale.

    Attributes:
        users: Number of users, including cold ones.
        movies: Number of movies, including cold ones.
        user_index: `(n,)` int32, ascending.
        movie_index: `(n,)` int32.
        ratings: `(n,)` float32 stars.
        user_ends: `(users + 1,)` int64: user u's ratings are `user_ends[u] : user_ends[u + 1]`.
        user_counts: `(users,)` float32, number of ratings of each user.
        movie_counts: `(movies,)` float32, number of ratings of each movie.
    """

    users: int
    movies: int
    user_index: NDArray[np.int32]
    movie_index: NDArray[np.int32]
    ratings: Floats
    user_ends: NDArray[np.int64]
    user_counts: Floats
    movie_counts: Floats

    @classmethod
    def of(cls, dataset: Dataset) -> Observed:
        """Return the training ratings of a dataset."""
        train, users, movies = dataset.train, len(dataset.users), len(dataset.movies)
        ends, movie_index, ratings = grouped(train.user_index, train.movie_index, train.ratings, users)
        for rows in blocks(ratings.size):
            ratings[rows] = dataset.scale.to_stars(ratings[rows])
        counts = np.diff(ends)
        user_index = empty(ratings.size, np.int32)
        for first, last in id_ranges(counts, _ROWS):
            ids = np.arange(first, last, dtype=np.int32)
            user_index[ends[first] : ends[last]] = np.repeat(ids, counts[first:last])
        release(user_index, movie_index, ratings)
        return cls(
            users=users,
            movies=movies,
            user_index=user_index,
            movie_index=movie_index,
            ratings=ratings,
            user_ends=ends,
            user_counts=counts.astype(np.float32),
            movie_counts=count_ids(movie_index, movies).astype(np.float32),
        )

    def __len__(self) -> int:
        return int(self.ratings.size)

    @property
    def lowest(self) -> float:
        """Lowest rating that occurs, in stars."""
        return float(self.ratings.min())

    @property
    def highest(self) -> float:
        """Highest rating that occurs, in stars."""
        return float(self.ratings.max())

    @cached_property
    def by_user(self) -> SortedRatings:
        """The ratings sorted by user."""
        return SortedRatings(slice(None), self.user_ends, self.movie_index)

    @cached_property
    def by_movie(self) -> SortedRatings:
        """The ratings sorted by movie."""
        places = empty(len(self), np.int64)
        for rows in blocks(len(self)):
            places[rows] = np.arange(rows.start, rows.stop)
        ends, other, order = grouped(self.movie_index, self.user_index, places, self.movies)
        return SortedRatings(order, ends, other)


@dataclass(frozen=True)
class SortedRatings:
    """The ratings sorted by the ids of one side.

    Attributes:
        order: Puts an array in the order of `Observed` into this one, as its index.
        ends: `(ids + 1,)` int64: id i's ratings are `ends[i] : ends[i + 1]`.
        other: `(n,)` int32 the other side's id of each rating.
    """

    order: NDArray[np.int64] | slice
    ends: NDArray[np.int64]
    other: NDArray[np.int32]

    def sums(self, table: Floats) -> Floats:
        """Sum the rows of `(other ids, columns)` that each id has ratings with: `(ids, columns)`."""
        return concatenate(
            lambda ids: sum_rows(self.ends[ids.start : ids.stop + 1], self.other, table), ranges(self.ends)
        )


def rating_levels(ratings: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the rating levels: the distinct ratings, or quantile bins if there are too many of them.

    Returns:
        `(levels,)` stars of each level, ascending; `(n,)` level of each rating.
    """
    stars, level = np.unique(ratings.astype(np.float64), return_inverse=True)
    if stars.size > _MOST_LEVELS:
        inner = np.quantile(ratings, np.arange(1, _BINS) / _BINS)
        _, level = np.unique(np.searchsorted(inner, ratings), return_inverse=True)
        stars = np.bincount(level, weights=ratings) / np.bincount(level)
    return stars, level.astype(np.int64)
