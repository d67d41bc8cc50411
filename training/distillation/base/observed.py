"""Training ratings sorted by user, with dense tiles of a few users at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset

Floats = NDArray[np.float32]

# More distinct ratings than this are grouped into bins.
_MOST_LEVELS: Final = 50
_BINS: Final = 20


@dataclass(frozen=True)
class Observed:
    """Training ratings in stars, sorted by user and then by movie.

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
        order = np.lexsort((train.movie_index, train.user_index))
        user_index = train.user_index[order]
        return cls(
            users=users,
            movies=movies,
            user_index=user_index,
            movie_index=train.movie_index[order],
            ratings=dataset.scale.to_stars(train.ratings[order]),
            user_ends=np.searchsorted(user_index, np.arange(users + 1)),
            user_counts=np.bincount(user_index, minlength=users).astype(np.float32),
            movie_counts=np.bincount(train.movie_index, minlength=movies).astype(np.float32),
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

    def tile(self, rows: slice, values: Floats | None = None) -> Floats:
        """Return a dense `(users of the tile, movies)` array of the ratings, with 0 for unrated pairs.

        Args:
            rows: The users of the tile.
            values: `(n,)` the value to write for each rating; 1 by default.
        """
        start, stop = int(self.user_ends[rows.start]), int(self.user_ends[rows.stop])
        dense = np.zeros((rows.stop - rows.start, self.movies), dtype=np.float32)
        places = self.user_index[start:stop] - rows.start, self.movie_index[start:stop]
        dense[places] = 1 if values is None else values[start:stop]
        return dense


def tiles(users: int, tile_users: int) -> Iterator[slice]:
    """Yield consecutive ranges of users that together cover every user once."""
    for start in range(0, users, tile_users):
        yield slice(start, min(start + tile_users, users))


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
