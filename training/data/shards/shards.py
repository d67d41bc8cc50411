"""Training ratings grouped by user and by movie: the input of solvers that work on blocks of ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Dataset, Examples
from training.data.large_arrays import blocks, empty, release
from training.data.shards.grouping import MEMORY_ROWS, grouped


@dataclass(frozen=True)
class Side:
    """Ratings grouped by the ids of one side (compressed sparse rows). The arrays may be memory-mapped.

    Attributes:
        starts: `(ids + 1,)` int64 offset of each id's first rating, and the end of the last.
        others: `(ratings,)` int32 index of the other side, ascending within an id.
        stars: `(ratings,)` uint8 steps above the lowest rating, or float32 ratings
            (`RatingScale.from_steps` converts both to ratings).
    """

    starts: NDArray[np.int64]
    others: NDArray[np.int32]
    stars: NDArray[np.float32 | np.uint8]

    @property
    def ids(self) -> int:
        """Number of ids, including cold ones."""
        return int(self.starts.size) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """`(ids,)` number of ratings of each id."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return int(self.others.size)

    def block(self, first: int, last: int) -> Side:
        """Return the ratings of the ids from `first` up to, but not including, `last`, without a copy."""
        starts = self.starts[first : last + 1]
        rows = slice(int(starts[0]), int(starts[-1]))
        return Side(starts - starts[0], self.others[rows], self.stars[rows])


@dataclass(frozen=True)
class Shards:
    """The ratings of a dataset for training by blocks of users and blocks of movies.

    An index is a popularity rank, as in `Dataset`.

    Attributes:
        users: Training ratings by user.
        movies: The same training ratings by movie.
        validation: Ratings for model selection; may be empty.
        test: Ratings for the final evaluation.
        scale: Scale of the ratings.
        mean: Mean training rating.
    """

    users: Side
    movies: Side
    validation: Examples
    test: Examples
    scale: RatingScale
    mean: float

    @classmethod
    def of(cls, dataset: Dataset, memory_rows: int = MEMORY_ROWS) -> Shards:
        """Group the training ratings of a dataset.

        Args:
            dataset: The ratings.
            memory_rows: Above this many training ratings, DuckDB sorts them in bounded memory.

        Raises:
            OSError: If a temporary file cannot be written.
        """
        train = dataset.train
        stars = _stars(train.ratings, dataset.scale)
        user, movie = train.user_index, train.movie_index
        shards = cls(
            users=Side(*grouped(user, movie, stars, len(dataset.users), memory_rows)),
            movies=Side(*grouped(movie, user, stars, len(dataset.movies), memory_rows)),
            validation=dataset.validation,
            test=dataset.test,
            scale=dataset.scale,
            mean=_mean(train.ratings),
        )
        release(train.user_index, train.movie_index, train.ratings)
        return shards

    def __len__(self) -> int:
        """Return the number of training ratings."""
        return len(self.users)


def _stars(ratings: NDArray[np.float32], scale: RatingScale) -> NDArray[np.float32 | np.uint8]:
    """Return ratings as steps of one byte, or the ratings themselves if some are not on such a step."""
    if not scale.has_byte_steps:
        return ratings
    stars = empty(ratings.size, np.uint8)
    for rows in blocks(ratings.size):
        steps = scale.to_steps(ratings[rows])
        if steps is None:
            return ratings
        stars[rows] = steps
    return stars


def _mean(ratings: NDArray[np.float32]) -> float:
    total = sum(float(np.sum(ratings[rows], dtype=np.float64)) for rows in blocks(ratings.size))
    return total / ratings.size
