"""Fit ratings of new movies to features: the biases of movies, and what each user adds to them.

The mean rating and the biases of users and movies are damped. A movie's bias is predicted from its features
by a ridge regression over the movies, in which a movie with many ratings weighs more. A user's leanings are a
ridge regression of what the biases leave of the user's ratings. How strong both are, which part of them is
kept, and which columns of the items file are used beside genres and the decade, is chosen on training rows
that are held out as the test rows are: with a split by time, the last rows in time of movies that were not
rated before; otherwise all rows of some movies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import chain, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.new_movies import (
    DECADE,
    FLAGS,
    GENRE,
    Feature,
    Floats,
    NewMovies,
    feature_matrix,
    features_of,
)
from training.data.dataset import Dataset, Examples
from training.fit.evaluation import damped_biases

# A feature must belong to this number of rated movies; the most frequent ones are kept.
_MIN_MOVIES: Final = 5
_MAX_FEATURES: Final = 256
# What a column must lower the error by to be used.
_SMALLEST_GAIN: Final = 0.001
_HELD_OUT: Final = 0.15
_SEED: Final = 7
# Rows of this number of users are held out.
_MAX_USERS: Final = 5000
# Settings to choose from.
_PENALTIES: Final = (1.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_VARIANCES: Final = (0.0, 0.03, 0.1, 0.3, 10.0)
_BIAS_PARTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_LEANING_PENALTIES: Final = (5.0, 10.0, 20.0, 40.0, 80.0)
_LEANING_PARTS: Final = (0.0, 0.5, 1.0)

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class NewMoviesSettings:
    """How features become ratings.

    Attributes:
        penalty: Ridge penalty of the weights.
        variance: Variance of the movies' biases around their prediction, in square stars; a movie with n
            ratings weighs `1 / (1 / n + variance)`.
        shrunk_intercept: Whether the penalty applies to the intercept, too.
        bias_part: Part of the predicted bias that is kept; 0 leaves it out.
        leaning_penalty: Ridge penalty of the leanings of users.
        leaning_part: Part of the leanings that is kept; 0 leaves them out.
    """

    penalty: float = 1.0
    variance: float = 0.0
    shrunk_intercept: bool = False
    bias_part: float = 0.0
    leaning_penalty: float = 20.0
    leaning_part: float = 0.0


def fit_new_movies(dataset: Dataset) -> NewMovies | None:
    """Fit the ratings of new movies on the training rows.

    Returns:
        None if too few movies have features, or if no settings are better on the held-out rows than the mean
        with the biases of users.
    """
    about = (dataset.table.titles.get(movie) for movie in dataset.movies)
    known = [[] if one is None else features_of(one.title, one.genres, one.features) for one in about]
    features, chosen = _choose_columns(dataset, known)
    if not features or not (chosen.bias_part or chosen.leaning_part):
        return None
    matrix = feature_matrix(known, features).astype(np.float64)
    data = _Fit(dataset.train, matrix, len(dataset.users))
    intercept, weights = data.bias(chosen)
    users = np.column_stack(
        [data.user_bias, chosen.leaning_part * data.leanings([chosen.leaning_penalty])[0]]
    )[: dataset.users.warm]
    kinds = {kind for kind, _ in features}
    return NewMovies.fitted(
        features,
        (chosen.bias_part * intercept, chosen.bias_part * weights),
        data.centres,
        data.mean,
        users,
        dataset.scale,
        {column: edges for column, edges in dataset.table.edges.items() if column in kinds},
    )


def _choose_columns(dataset: Dataset, known: list[list[Feature]]) -> tuple[list[Feature], NewMoviesSettings]:
    """Choose columns by the error on held-out training rows.

    Other columns are added to genres and the decade, one by one, if they lower the error by two standard
    errors, in which a movie is one observation, so that hardly any is added by chance. All flags are added at
    once, since one of them says little. If any column is added, those are left out again without which the
    error is lower.

    Args:
        dataset: The data, of which only training rows are used.
        known: Features of each movie.

    Returns:
        The features, and their settings.
    """
    rated = known[: dataset.movies.warm]

    def tried(kinds: Set[str]) -> tuple[list[Feature], NewMoviesSettings, Floats]:
        features = _frequent(rated, kinds)
        return features, *choose_settings(dataset, feature_matrix(known, features).astype(np.float64))

    values: dict[str, set[str]] = {}
    for kind, value in chain.from_iterable(rated):
        values.setdefault(kind, set()).add(value)
    others = {kind: found for kind, found in values.items() if kind not in (GENRE, DECADE)}
    flags = {kind for kind, found in others.items() if found <= FLAGS}
    kinds, steps = {GENRE, DECADE}, [{GENRE}, {DECADE}]
    best = tried(kinds)
    for step in ([flags] if flags else []) + [{kind} for kind in others if kind not in flags]:
        found = tried(kinds | step)
        gain = best[2] - found[2]
        if gain.sum() > max(_SMALLEST_GAIN * best[2].sum(), 2 * gain.std() * gain.size**0.5):
            kinds |= step
            steps.append(step)
            best = found
    for step in steps if not kinds.isdisjoint(others) else ():
        found = tried(kinds - step)
        if found[2].sum() <= best[2].sum():
            kinds -= step
            best = found
    return best[0], best[1]


def choose_settings(dataset: Dataset, matrix: Floats) -> tuple[NewMoviesSettings, Floats]:
    """Choose the settings with the smallest error on held-out training rows.

    Args:
        dataset: The data, of which only training rows are used.
        matrix: `(movies, k)` features.

    Returns:
        The settings, and the sum of the squared errors of each held-out movie; empty if no row can be held
        out.
    """
    held_out = _held_out(dataset)
    if not held_out.any():
        return NewMoviesSettings(), np.zeros(0)
    train = dataset.train
    data = _Fit(_rows(train, ~held_out), matrix, len(dataset.users))
    rows = _rows(train, held_out & data.is_known(train))
    users = np.unique(rows.user_index)
    if users.size > _MAX_USERS:
        users = np.random.default_rng(_SEED).choice(users, _MAX_USERS, replace=False)
        users.sort()
        rows = _rows(rows, np.isin(rows.user_index, users))
    if not len(rows):
        return NewMoviesSettings(), np.zeros(0)
    movie, base = rows.movie_index, data.mean + data.user_bias[rows.user_index]
    leanings = [
        np.vecdot(found[np.searchsorted(users, rows.user_index)], matrix[movie] - data.centres)
        for found in data.leanings(_LEANING_PENALTIES, users)
    ]
    best, lowest, predicted = NewMoviesSettings(), _mse(base, rows, dataset), base
    for penalty, variance, shrunk in product(
        _PENALTIES if matrix.shape[1] else (), _VARIANCES, (False, True)
    ):
        settings = NewMoviesSettings(penalty, variance, shrunk)
        intercept, weights = data.bias(settings)
        bias = intercept + matrix[movie] @ weights
        for part, (place, leaning), own in product(_BIAS_PARTS, enumerate(leanings), _LEANING_PARTS):
            tried = base + part * bias + own * leaning
            mse = _mse(tried, rows, dataset)
            if mse < lowest:
                best = NewMoviesSettings(penalty, variance, shrunk, part, _LEANING_PENALTIES[place], own)
                lowest, predicted = mse, tried
    _, place = np.unique(movie, return_inverse=True)
    return best, np.bincount(place, _off(predicted, rows, dataset) ** 2).astype(np.float64)


class _Fit:
    """Biases, and regressions on features.

    Attributes:
        mean: Mean rating.
        user_bias: `(users,)`.
        centres: `(k,)` mean of each feature over the ratings.
    """

    def __init__(self, train: Examples, matrix: Floats, users: int) -> None:
        sizes = users, len(matrix)
        user, movie = train.user_index, train.movie_index
        self.mean, self.user_bias, movie_bias = damped_biases(user, movie, train.ratings, sizes)
        self._matrix, self._movie = matrix, movie
        self._known_user = np.bincount(user, minlength=users) > 0
        count = np.bincount(movie, minlength=len(matrix))
        self._known_movie = count > 0
        self._count = count[self._known_movie]
        rest = train.ratings - self.mean - self.user_bias[user]
        self._movie_mean = np.bincount(movie, rest, len(matrix))[self._known_movie] / self._count
        self._rest = rest - movie_bias[movie]
        self.centres = count @ matrix / count.sum()
        self._order = np.argsort(user, kind="stable")
        self._ends = np.cumsum(np.bincount(user, minlength=users))

    def is_known(self, rows: Examples) -> Rows:
        """Return `(n,)`: whether the user of each row was rated here, and its movie was not."""
        known: Rows = self._known_user[rows.user_index] & ~self._known_movie[rows.movie_index]
        return known

    def bias(self, settings: NewMoviesSettings) -> tuple[float, Floats]:
        """Return the intercept and the `(k,)` weights of the bias of a movie."""
        features = np.column_stack([np.ones(self._count.size), self._matrix[self._known_movie]])
        weight = 1 / (1 / self._count + settings.variance)
        penalty = settings.penalty * np.eye(features.shape[1])
        if not settings.shrunk_intercept:
            penalty[0, 0] = 1e-9
        weighted = features.T * weight
        found = np.linalg.solve(weighted @ features + penalty, weighted @ self._movie_mean)
        return float(found[0]), found[1:].astype(np.float64)

    def leanings(self, penalties: Sequence[float], users: NDArray[np.integer] | None = None) -> list[Floats]:
        """Return the `(n, k)` leanings of the `(n,)` users for each penalty; None stands for all users."""
        size = self._matrix.shape[1]
        users = np.arange(self._ends.size) if users is None else users
        found = [np.zeros((users.size, size)) for _ in penalties]
        for place, user in enumerate(users.tolist()):
            rows = self._order[self._ends[user - 1] if user else 0 : self._ends[user]]
            features, rest = self._matrix[self._movie[rows]] - self.centres, self._rest[rows]
            # The smaller of two systems with the same solution.
            dual = rows.size < size
            products = features @ features.T if dual else features.T @ features
            target = rest if dual else features.T @ rest
            for leanings, penalty in zip(found, penalties, strict=True):
                solved = np.linalg.solve(products + penalty * np.eye(len(products)), target)
                leanings[place] = features.T @ solved if dual else solved
        return found


def _held_out(dataset: Dataset) -> Rows:
    """Return which training rows are held out; whether their movies are new is not yet known."""
    split, times = dataset.split, dataset.table.timestamps
    if split.kind == "time" and times is not None:
        own = times[split.train]
        last = np.argsort(own, kind="stable")[own.size - round(own.size * _HELD_OUT) :]
        held_out = np.zeros(own.size, np.bool_)
        held_out[last] = True
        return held_out
    random, warm = np.random.default_rng(_SEED), dataset.movies.warm
    hidden = np.zeros(len(dataset.movies), np.bool_)
    hidden[random.choice(warm, round(warm * _HELD_OUT), replace=False)] = True
    return hidden[dataset.train.movie_index]


def _frequent(known: list[list[Feature]], kinds: Set[str]) -> list[Feature]:
    counts = Counter(one for features in known for one in features if one[0] in kinds)
    return [one for one, count in counts.most_common(_MAX_FEATURES) if count >= _MIN_MOVIES]


def _rows(examples: Examples, chosen: Rows) -> Examples:
    return Examples(examples.user_index[chosen], examples.movie_index[chosen], examples.ratings[chosen])


def _mse(predicted: Floats, rows: Examples, dataset: Dataset) -> float:
    off = _off(predicted, rows, dataset)
    return float(off @ off / off.size)


def _off(predicted: Floats, rows: Examples, dataset: Dataset) -> Floats:
    return np.clip(predicted, *dataset.scale.bounds) - rows.ratings
