"""A ratings table, split and indexed: the input of fitting and evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.rating_scale import RatingScale
from training.data.large_arrays import blocks, empty, release
from training.data.split import Split, SplitKind, split_ratings
from training.data.table import RatingsTable
from training.data.vocabulary import by_popularity
from training.errors import SplitError


@dataclass(frozen=True)
class Examples:
    """Rows to fit or score.

    Attributes:
        user_index: `(n,)` int32.
        movie_index: `(n,)` int32.
        ratings: `(n,)` float32.
    """

    user_index: NDArray[np.int32]
    movie_index: NDArray[np.int32]
    ratings: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.ratings.size)


@dataclass(frozen=True)
class Dataset:
    """The data that a model is fitted and evaluated on.

    An index is a popularity rank: the user and the movie with the most training ratings have index 0,
    those without any come last and are cold (they begin at `Vocabulary.warm`). Ties keep the order of the
    catalogue of the training rows (see `training.data.vocabulary`). Only training rows are counted;
    validation and test rows do not affect the index of a warm id.

    Attributes:
        table: The table of all rows.
        split: The rows of each part.
        users: User ids in index order.
        movies: Movie ids in index order.
        user_popularity: `(users,)` int64 number of training ratings of each user, non-increasing.
        movie_popularity: `(movies,)` int64 number of training ratings of each movie, non-increasing.
        train: Examples for training.
        validation: Examples for model selection; may be empty.
        test: Examples for the final evaluation.
    """

    table: RatingsTable
    split: Split
    users: Vocabulary
    movies: Vocabulary
    user_popularity: NDArray[np.int64]
    movie_popularity: NDArray[np.int64]
    train: Examples
    validation: Examples
    test: Examples

    @property
    def scale(self) -> RatingScale:
        """Scale of the ratings."""
        return self.table.scale


def prepare(table: RatingsTable, split: Split) -> Dataset:
    """Index a table by popularity in its training rows.

    Args:
        table: The ratings.
        split: A split of it.

    Raises:
        SplitError: If the split is not a split of this table.
    """
    parts = (split.train, split.validation, split.test)
    if not _cover_once(parts, table.rows):
        raise SplitError(f"the split does not cover the {table.rows} ratings of {table.name} once each")
    users, user_index, user_popularity = by_popularity(
        table.users, table.user_index, _row_blocks(split.train)
    )
    movies, movie_index, movie_popularity = by_popularity(
        table.movies, table.movie_index, _row_blocks(split.train)
    )
    train, validation, test = (_examples(table, part, user_index, movie_index) for part in parts)
    return Dataset(
        table=table,
        split=split,
        users=users,
        movies=movies,
        user_popularity=user_popularity,
        movie_popularity=movie_popularity,
        train=train,
        validation=validation,
        test=test,
    )


def _row_blocks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (rows[block] for block in blocks(rows.size))


def _examples(
    table: RatingsTable,
    rows: NDArray[np.int64],
    user_index: NDArray[np.int32],
    movie_index: NDArray[np.int32],
) -> Examples:
    """Return the examples of some rows, given the index of each position in the table's catalogues."""
    examples = Examples(empty(rows.size, np.int32), empty(rows.size, np.int32), empty(rows.size, np.float32))
    for block in blocks(rows.size):
        examples.user_index[block] = user_index[table.user_index[rows[block]]]
        examples.movie_index[block] = movie_index[table.movie_index[rows[block]]]
        examples.ratings[block] = table.ratings[rows[block]]
    release(rows, examples.user_index, examples.movie_index, examples.ratings)
    release(table.user_index, table.movie_index, table.ratings)
    return examples


def _cover_once(parts: Sequence[NDArray[np.int64]], rows: int) -> bool:
    """Return whether the parts have each position from 0 to `rows` once."""
    if sum(part.size for part in parts) != rows:
        return False
    covered = np.zeros(rows, dtype=np.bool_)
    for part in parts:
        if part.size and (part.min() < 0 or part.max() >= rows):
            return False
        covered[part] = True
    return bool(covered.all())


def make_dataset(
    table: RatingsTable, kind: SplitKind = "random", seed: int = 0, validation_fraction: float = 0.0
) -> Dataset:
    """Split and index a table.

    Args:
        table: The ratings.
        kind: How test rows are chosen.
        seed: Seed of the random split.
        validation_fraction: Fraction of the other rows to use for validation.

    Raises:
        SplitError: If the data does not allow this split.
    """
    return prepare(table, split_ratings(table, kind, seed, validation_fraction))
