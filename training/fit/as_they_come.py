"""Errors of a model that listens: each test row is predicted first, and its user then learns from it.

Most test rows of a split by time have a user without training ratings, whom a model predicts as the average
user. A service can do better: `POST /predict/new-user` fits the user's vector to the ratings that they gave
since. This evaluation goes through the test rows in time order and calls the same functions as the service.
Movies stay as they were trained. A movie without training ratings is predicted as the average of the least
rated ones, and nothing is learned from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine import Prior, RatingTables, read_tables
from training.artefact.reader import Artefact
from training.data.dataset import Examples
from training.data.split import Split
from training.data.table import RatingsTable
from training.fit.evaluation import BIAS_DAMPING, damped_biases, predict_all

# Lower ends of the ranges of the number of ratings that are known of a user.
KNOWN: Final = (0, 1, 2, 3, 5, 10, 20, 50, 100)
# The vector of a movie without training ratings: the mean of this part of the movies, the least rated ones.
_RARE: Final = 0.2


@dataclass(frozen=True)
class Arrivals:
    """Mean squared errors on the test rows of users of whom a number of ratings was known.

    Attributes:
        known: The number, such as `3-4`; it counts training ratings and earlier test rows.
        rows: Number of rows.
        never: MSE of the model as it was trained; its fallback predicts cold rows.
        biases: MSE of the mean rating with user and movie biases, of which those of users are learned.
        learned: MSE of the model with the user's vector learned.
    """

    known: str
    rows: int
    never: float
    biases: float
    learned: float


def evaluate_as_they_come(
    artefact: Artefact,
    table: RatingsTable,
    split: Split,
    on_user: Callable[[int, int], None] = lambda *_: None,
) -> list[Arrivals]:
    """Predict each test row, then let its user learn from it.

    Args:
        artefact: A model that was trained on the training rows of the split.
        table: The ratings.
        split: Its test rows are evaluated, in time order if the ratings have times.
        on_user: Called with (users done, users in all).

    Returns:
        The errors by number of ratings that were known, and those over all rows, with `known` "all".
    """
    rows = split.test
    if table.timestamps is not None:
        rows = rows[np.argsort(table.timestamps[rows], kind="stable")]
    train = np.concatenate([split.train, split.validation])
    learner = _Learner(artefact, table, train)
    never = _never(artefact, learner.tables, table, rows)
    biases = _biases(table, train, rows)
    # Users do not depend on each other, so each is done at once.
    order = np.argsort(table.user_index[rows], kind="stable")
    starts = np.flatnonzero(np.diff(table.user_index[rows][order], prepend=-1))
    learned = never.copy()
    for done, positions in enumerate(np.split(order, starts[1:]), 1):
        learned[positions] = learner.predict(rows[positions], never[positions])
        on_user(done, starts.size)
    known = _known(table, train, rows)
    errors = np.stack([never, biases, learned]) - table.ratings[rows]
    return list(_summaries(known, errors.astype(np.float64) ** 2))


class _Learner:
    """Learns the vectors of users, one after the other."""

    def __init__(self, artefact: Artefact, table: RatingsTable, train: NDArray[np.int64]) -> None:
        self.tables = read_tables(artefact.archive)
        self._prior = Prior.of_model(self.tables, artefact.users.warm, artefact.manifest)
        self._table, self._warm_users = table, artefact.users.warm
        self._users = artefact.users.indices(list(table.users))
        movies = artefact.movies.indices(list(table.movies))
        warm = artefact.movies.warm
        self._known_movie = (movies >= 0) & (movies < warm)
        vectors = self.tables.movie_vectors(np.arange(warm, dtype=np.int32))
        self._movies = np.repeat(vectors[-max(int(_RARE * warm), 1) :].mean(0)[None], len(movies), axis=0)
        self._movies[self._known_movie] = vectors[movies[self._known_movie]]
        by_user = train[np.argsort(table.user_index[train], kind="stable")]
        self._train, self._ends = (
            by_user,
            np.cumsum(np.bincount(table.user_index[train], minlength=len(self._users))),
        )

    def predict(self, rows: NDArray[np.int64], never: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the `(n,)` predictions of a user's rows in time order; `never` are those without learning.

        A row is predicted without learning until the user has rated a movie that the model knows.
        """
        movies, ratings = self._table.movie_index[rows], self._table.ratings[rows].astype(np.float64)
        prior = self._prior_of(int(self._table.user_index[rows[0]]))
        vectors, usable = self._movies[movies], self._known_movie[movies]
        predicted, vector = never.copy(), None
        for place in range(len(rows)):
            if vector is not None:
                predicted[place] = prior.rate(vector, vectors[place : place + 1])[0]
            if usable[place]:
                seen = np.flatnonzero(usable[: place + 1])
                vector = prior.fit(vectors[seen], ratings[seen])
        return predicted

    def _prior_of(self, user: int) -> Prior:
        index = int(self._users[user])
        if not 0 <= index < self._warm_users:
            return self._prior
        rated = self._table.movie_index[self._train[self._ends[user - 1] if user else 0 : self._ends[user]]]
        vector = self.tables.user_vectors(np.array([index], np.int32))[0]
        return self._prior.of_trained(vector, self._movies[rated])


def _never(
    artefact: Artefact, tables: RatingTables, table: RatingsTable, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    users = artefact.users.indices(list(table.users))[table.user_index[rows]]
    movies = artefact.movies.indices(list(table.movies))[table.movie_index[rows]]
    examples = Examples(users, movies, table.ratings[rows])
    return predict_all(tables.rate, artefact.fallback, examples, artefact.users.warm, artefact.movies.warm)[0]


def _biases(table: RatingsTable, train: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return `(rows,)` predictions by biases, of which those of users are learned as their ratings come."""
    sizes = len(table.users), len(table.movies)
    users, movies, ratings = table.user_index, table.movie_index, table.ratings.astype(np.float64)
    mean, _, of_movie = damped_biases(users[train], movies[train], table.ratings[train], sizes)
    rest = ratings - mean - of_movie[movies]
    total = np.bincount(users[train], rest[train], sizes[0])
    count = np.bincount(users[train], minlength=sizes[0]) + BIAS_DAMPING
    predicted = np.empty(rows.size, np.float32)
    for place, row in enumerate(rows.tolist()):
        user = users[row]
        predicted[place] = mean + of_movie[movies[row]] + total[user] / count[user]
        total[user] += rest[row]
        count[user] += 1
    return np.clip(predicted, *table.scale.bounds)


def _known(table: RatingsTable, train: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many ratings of its user are known before each row."""
    count = np.bincount(table.user_index[train], minlength=len(table.users))
    known = np.empty(rows.size, np.int64)
    for place, user in enumerate(table.user_index[rows].tolist()):
        known[place] = count[user]
        count[user] += 1
    return known


def _summaries(known: NDArray[np.int64], squares: NDArray[np.float64]) -> Iterator[Arrivals]:
    for low, after in zip(KNOWN, (*KNOWN[1:], None), strict=True):
        chosen = (known >= low) & (known < (after or np.inf))
        if chosen.any():
            name = f"{low}+" if after is None else f"{low}" if after == low + 1 else f"{low}-{after - 1}"
            yield Arrivals(name, int(chosen.sum()), *squares[:, chosen].mean(axis=1).tolist())
    yield Arrivals("all", known.size, *squares.mean(axis=1).tolist())
