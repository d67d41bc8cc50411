"""Fit the distribution of ratings around the predictions of a model.

The rows that the model was fitted to say which users and movies are hard to predict, but not by how much:
their errors are too small. So they only order the ids, and everything with a scale is fitted on validation
rows, which the model has not seen.

1. Features of an id: the logarithms of its damped mean squared error on training rows, relative to that of
   predictions of about the same rating, and of its number of training rows.
2. Score of an id: a log-linear model of the squared errors of the validation rows, with the features of both
   ids (a generalised linear model with gamma errors, McCullagh & Nelder 1989, chapter 8).
3. Classes: the scores of each side are divided at the quantiles of the validation rows.
4. Cut points, and the log scales of the classes, by maximum a posteriori estimation on the validation rows,
   then likewise the shifts of the fifths of users.
5. Log scales of cold pairs, by maximum likelihood: on the validation rows whose user, movie or both are cold,
   or, where these are few, with the predictions that the fallback makes for the other validation rows if it
   does not know the user, the movie or both.

The ratings of one user are not independent. So the prior of the log scales and shifts weighs as if there were
one observation for each user of the validation rows, which matters where these are few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from training.artefact.fallback import Fallback
from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.uncertainty import (
    CLASSES,
    FIFTHS,
    Floats,
    Spreads,
    Uncertainty,
    fifth_of,
    mean_table,
    sigmoid,
)
from training.data.dataset import Dataset
from training.data.large_arrays import blocks
from training.fit.calibration import levels_of

Predict = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]
"""Maps `(n,)` user indices and `(n,)` movie indices to `(n,)` ratings."""

# The damping, in ratings, of an id's mean squared error.
_DAMPING: Final = 10.0
# Ratings about which errors are compared, and at which the likelihood is computed.
_ERROR_BINS: Final = 20
_BINS: Final = 200
_MOST_LEVELS: Final = 100
# Levels of ratings that have more.
_QUANTILES: Final = 21
# Fewer validation rows than this do not determine the parameters.
LEAST_ROWS: Final = 200
_NEWTON_STEPS: Final = 20
# Weight, in validation rows, of the prior that the scores change nothing.
_RIDGE: Final = 10.0
_LEAST_PROBABILITY: Final = 1e-9
# Keeps parameters finite that no row depends on.
_PRIOR: Final = 1e-5
# Standard deviation of the prior of log scales and shifts, chosen on rows before the test rows of splits by
# time.
_DEVIATION: Final = 0.2


@dataclass(frozen=True)
class _Counts:
    """Validation rows by kind of pair, predicted rating and level: all that the likelihood depends on.

    Attributes:
        rows: `(kinds, bins, k)` number of rows.
        ratings: `(bins,)` the predicted rating at the middle of each bin.
        levels: `(k,)`.
    """

    rows: Floats
    ratings: Floats
    levels: Floats

    @classmethod
    def of(cls, kinds: NDArray[np.integer], count: int, rated: Floats, level: NDArray[np.int64],
           levels: Floats) -> _Counts:  # fmt: skip
        width = (levels[-1] - levels[0]) / _BINS
        bins = np.clip((rated - levels[0]) / width, 0, _BINS - 1).astype(np.int64)
        at = (kinds * _BINS + bins) * levels.size + level
        rows = np.bincount(at, minlength=count * _BINS * levels.size).astype(np.float64)
        middles = levels[0] + width * (np.arange(_BINS) + 0.5)
        return cls(rows.reshape(count, _BINS, levels.size), middles, levels)

    def loss(self, cuts: Floats, log_scales: Floats, shift: float = 0.0) -> float:
        """Return the mean negative log-likelihood, given `(kinds,)` log scales and a shift."""
        total = 0.0
        for rows, scale in zip(self.rows, np.exp(log_scales).tolist(), strict=True):
            location = np.interp(self.ratings, *mean_table(self.levels, cuts, scale)) + shift
            below = sigmoid((cuts - location[:, None]) / scale)
            probabilities = np.diff(below, axis=1, prepend=0.0, append=1.0)
            total -= float(np.sum(rows * np.log(np.maximum(probabilities, _LEAST_PROBABILITY))))
        return total / float(self.rows.sum())


def fit_uncertainty(predict: Predict, fallback: Fallback, dataset: Dataset) -> Uncertainty | None:
    """Fit the distribution of ratings around a model's predictions.

    Args:
        predict: Predicts ratings of warm pairs; the model was fitted to the training rows of `dataset`.
        fallback: Rates cold pairs.
        dataset: Has validation rows that the model was not fitted to.

    Returns:
        The distributions; None if there are too few validation rows, or all ratings are equal. Ratings with
        more than 100 levels have quantiles of the training ratings as their levels.
    """
    levels = _levels(dataset.train.ratings)
    rows = dataset.validation
    warm = (rows.user_index < dataset.users.warm) & (rows.movie_index < dataset.movies.warm)
    if levels.size < 2 or warm.sum() < LEAST_ROWS:
        return None
    user, movie, observed = rows.user_index[warm], rows.movie_index[warm], rows.ratings[warm]
    rated = predict(user, movie).astype(np.float64)
    level = levels_of(levels, observed)
    users, movies = _features(predict, dataset)
    user_score, movie_score = _scores(users, movies, user, movie, (observed - rated) ** 2)
    user_class, movie_class = _classes(user_score, user), _classes(movie_score, movie)
    kinds = user_class[user].astype(np.int64) * CLASSES + movie_class[movie]
    fifth = fifth_of(user, dataset.users.warm)
    spreads = _fit_spreads(_Counts.of(kinds, CLASSES**2, rated, level, levels), _distinct(user))
    shifts = np.zeros(FIFTHS)
    for place in np.unique(fifth).tolist():
        own = fifth == place
        counts = _Counts.of(kinds[own], CLASSES**2, rated[own], level[own], levels)
        shifts[place] = _fit_shift(counts, spreads, _distinct(user[own]))
    cold = np.array([
        _fit_scale(_Counts.of(*_cold_rows(place, fallback, dataset, levels), levels), spreads.cuts)
        for place in range(3)
    ])  # fmt: skip
    return Uncertainty(
        replace(spreads, shifts=shifts, cold=cold),
        user_class[: dataset.users.warm],
        movie_class[: dataset.movies.warm],
    )


def _cold_rows(
    place: int, fallback: Fallback, dataset: Dataset, levels: Floats
) -> tuple[NDArray[np.int64], int, Floats, NDArray[np.int64]]:
    """Return the rows of step 5 for a position in `Spreads.cold`, as the arguments of `_Counts.of`."""
    rows = dataset.validation
    cold_user, cold_movie = rows.user_index >= dataset.users.warm, rows.movie_index >= dataset.movies.warm
    without_user, without_movie = ((True, False), (False, True), (True, True))[place]
    chosen = (cold_user == without_user) & (cold_movie == without_movie)
    if chosen.sum() < LEAST_ROWS:
        chosen = ~(cold_user | cold_movie)
    user, movie = rows.user_index[chosen], rows.movie_index[chosen]
    nobody = np.full_like(user, -1)
    rated = fallback.rate(nobody if without_user else user, nobody if without_movie else movie)
    kinds = np.zeros(user.size, np.int64)
    return kinds, 1, rated.astype(np.float64), levels_of(levels, rows.ratings[chosen])


def fit_shared(
    rated: Floats, observed: NDArray[np.float32], levels: Floats
) -> tuple[Callable[[Floats], Floats], Floats, float]:
    """Fit an ordered logit with one scale for all pairs, as a baseline for comparison.

    Args:
        rated: `(n,)` predicted ratings of rows that the model was not fitted to.
        observed: `(n,)` their ratings.
        levels: `(k,)` ascending possible ratings.

    Returns:
        The map of predicted ratings to locations, the `(k - 1,)` cut points, and the scale.
    """
    kinds = np.zeros(rated.size, dtype=np.int64)
    counts = _Counts.of(kinds, CLASSES**2, rated, levels_of(levels, observed), levels)
    spreads = _fit_spreads(counts, rated.size)
    scale, shift = float(np.exp(spreads.log_scales()[0])), _fit_shift(counts, spreads, rated.size)
    means, locations = mean_table(levels, spreads.cuts, scale)
    return lambda ratings: np.interp(ratings, means, locations) + shift, spreads.cuts, scale


def for_other_split(
    found: Uncertainty, fitted: tuple[Vocabulary, Vocabulary], wanted: tuple[Vocabulary, Vocabulary]
) -> Uncertainty:
    """Bring the classes into the index order of another split of the same ratings.

    Args:
        found: Fitted with the ids of `fitted`.
        fitted: Users and movies in the order of `found`.
        wanted: Users and movies in the order of the result. Ids that are cold in `fitted` and warm here get
            the class with the largest scale.
    """
    spreads = found.spreads
    sides = zip(
        fitted,
        wanted,
        (found.user_classes, found.movie_classes),
        (spreads.users, spreads.movies),
        strict=True,
    )
    classes = []
    for before, after, old, scales in sides:
        own = np.full(after.warm, scales.argmax(), dtype=np.uint8)
        index = before.indices([after[place] for place in range(after.warm)])
        known = (index >= 0) & (index < old.size)
        own[known] = old[index[known]]
        classes.append(own)
    return Uncertainty(spreads, *classes)


def _levels(ratings: NDArray[np.float32]) -> Floats:
    """Return the distinct ratings, or quantiles if there are too many of them, in ascending order."""
    levels = np.unique(ratings)
    if levels.size > _MOST_LEVELS:
        levels = np.unique(np.quantile(ratings, np.linspace(0, 1, _QUANTILES), method="closest_observation"))
    return levels.astype(np.float64)


def _features(predict: Predict, dataset: Dataset) -> tuple[Floats, Floats]:
    """Return the `(users, 2)` and `(movies, 2)` features of step 1."""
    train, (low, high) = dataset.train, dataset.scale.bounds

    def errors(rows: slice) -> tuple[Floats, NDArray[np.int64]]:
        """Return the squared errors of some rows, and the bins of their predictions."""
        rated = predict(train.user_index[rows], train.movie_index[rows])
        squared = (train.ratings[rows] - rated).astype(np.float64) ** 2
        return squared, np.clip((rated - low) / (high - low) * _ERROR_BINS, 0, _ERROR_BINS - 1).astype(
            np.int64
        )

    count, total = np.zeros(_ERROR_BINS, np.int64), np.zeros(_ERROR_BINS)
    for rows in blocks(len(train)):
        squared, bins = errors(rows)
        count += np.bincount(bins, minlength=_ERROR_BINS)
        total += np.bincount(bins, squared, _ERROR_BINS)
    usual = np.maximum(total / np.maximum(count, 1), 1e-6)
    sides = [
        (train.user_index, np.zeros(len(dataset.users))),
        (train.movie_index, np.zeros(len(dataset.movies))),
    ]
    for rows in blocks(len(train)):
        squared, bins = errors(rows)
        for index, sums in sides:
            sums += np.bincount(index[rows], squared / usual[bins], sums.size)
    users, movies = (
        np.stack([np.log((sums + _DAMPING) / (number + _DAMPING)), np.log1p(number)], axis=1)
        for (_, sums), number in zip(sides, (dataset.user_popularity, dataset.movie_popularity), strict=True)
    )
    return users, movies


def _scores(
    users: Floats, movies: Floats, user: NDArray[np.int32], movie: NDArray[np.int32], squared: Floats
) -> tuple[Floats, Floats]:
    """Return the `(users,)` and `(movies,)` scores of step 2, given the squared errors of validation rows."""
    design = np.concatenate([np.ones((user.size, 1)), users[user], movies[movie]], axis=1)
    centre = np.concatenate([[0.0], design[:, 1:].mean(axis=0)])
    design -= centre
    ridge = _RIDGE * np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    weights = np.zeros(design.shape[1])
    weights[0] = np.log(max(float(squared.mean()), 1e-6))
    for _ in range(_NEWTON_STEPS):
        # Fisher scoring: with the logarithmic link, every row has the weight 1.
        relative = squared * np.exp(-design @ weights) - 1
        step = np.linalg.solve(design.T @ design + ridge, design.T @ relative - ridge @ weights)
        weights += np.clip(step, -1, 1)
    return users @ weights[1:3], movies @ weights[3:5]


def _classes(scores: Floats, index: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Divide `(ids,)` scores at the quantiles of the rows with the ids `index`."""
    ends = np.quantile(scores[index], np.arange(1, CLASSES) / CLASSES)
    return np.searchsorted(ends, scores).astype(np.uint8)


def _distinct(index: NDArray[np.int32]) -> int:
    return int(np.unique(index).size)


def _fit_spreads(counts: _Counts, users: int) -> Spreads:
    """Find the cut points and log scales with the largest posterior density.

    Args:
        counts: The validation rows.
        users: Number of users whose rows they are.
    """
    cuts_in_all = counts.levels.size - 1

    def split(parameters: Floats) -> Spreads:
        gaps, log_scales = parameters[: cuts_in_all - 1], parameters[cuts_in_all - 1 :]
        cuts = np.concatenate([[0.0], np.cumsum(np.exp(gaps))])
        # The middle of the cut points and the mean log scales are 0: only ratios matter.
        sides = log_scales.reshape(2, CLASSES)
        users, movies = sides - sides.mean(axis=1, keepdims=True)
        return Spreads(counts.levels, cuts - cuts.mean(), users, movies, np.zeros(FIFTHS), np.zeros(3))

    def loss(parameters: Floats) -> float:
        spreads = split(parameters)
        prior = _PRIOR * float(parameters @ parameters)
        prior += _penalty(np.concatenate([spreads.users, spreads.movies]), users)
        return counts.loss(spreads.cuts, spreads.log_scales()[: CLASSES**2]) + prior

    return split(minimize(loss, np.zeros(cuts_in_all - 1 + 2 * CLASSES), method="L-BFGS-B").x)


def _fit_shift(counts: _Counts, spreads: Spreads, users: int) -> float:
    """Find the shift of all locations with the largest posterior density."""
    log_scales = spreads.log_scales()[: CLASSES**2]
    found = minimize_scalar(
        lambda shift: counts.loss(spreads.cuts, log_scales, shift) + _penalty(np.array([shift]), users),
        bounds=(-3, 3),
        method="bounded",
    )
    return float(found.x)


def _penalty(values: Floats, users: int) -> float:
    """Return the penalty of a normal prior, for a mean loss over the rows of so many users."""
    return float(values @ values) / (2 * _DEVIATION**2 * users)


def _fit_scale(counts: _Counts, cuts: Floats) -> float:
    """Find the log scale that maximises the likelihood, given the cut points."""
    found = minimize(lambda scale: counts.loss(cuts, scale), np.zeros(1), method="L-BFGS-B", bounds=[(-3, 3)])
    return float(found.x[0])
