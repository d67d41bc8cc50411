"""Measure whether distributions of ratings agree with the ratings that were given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artefact.uncertainty import Floats, Uncertainty
from training.data.large_arrays import blocks

_LEAST_PROBABILITY = 1e-9


@dataclass(frozen=True)
class Coverage:
    """Intervals of one nominal coverage.

    Attributes:
        nominal: Their nominal coverage.
        observed: Fraction of the given ratings in their intervals, ends included.
        width: Mean difference between the ends.
    """

    nominal: float
    observed: float
    width: float


def randomised_pit(cumulative: Floats, level: NDArray[np.integer], seed: int) -> Floats:
    """Return the randomised probability integral transform of ratings.

    It is uniform between 0 and 1 if the distributions are right (Czado, Gneiting & Held 2009, section 2).

    Args:
        cumulative: `(n, k)` probability that a rating is at most each level; the last column is 1.
        level: `(n,)` the level of the given rating.
        seed: Seed of the random position between the probability of a lower level and that of this one.
    """
    at = np.arange(level.size)
    above = cumulative[at, level]
    below = np.where(level > 0, cumulative[at, level - 1], 0.0)
    transformed: Floats = below + np.random.default_rng(seed).random(level.size) * (above - below)
    return transformed


def distance_from_uniform(values: Floats) -> float:
    """Return the largest distance of the empirical distribution of `(n,)` values from the uniform one."""
    ascending, count = np.sort(values), values.size
    above = np.arange(1, count + 1) / count - ascending
    return float(max(above.max(), (1 / count - above).max()))


def log_likelihood(cumulative: Floats, level: NDArray[np.integer]) -> Floats:
    """Return the `(n,)` logarithms of the probabilities of the levels of given ratings."""
    probabilities = np.diff(cumulative, axis=1, prepend=0.0)[np.arange(level.size), level]
    logarithms: Floats = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    return logarithms


def coverage(
    uncertainty: Uncertainty, cumulative: Floats, ratings: NDArray[np.floating], nominal: float
) -> Coverage:
    """Measure the intervals of a nominal coverage on `(n,)` given ratings."""
    low, high = uncertainty.interval(cumulative, nominal)
    inside = (ratings >= low) & (ratings <= high)
    return Coverage(nominal, float(inside.mean()), float(np.mean(high - low)))


def coverage_of_rows(
    uncertainty: Uncertainty,
    user_index: NDArray[np.int32],
    movie_index: NDArray[np.int32],
    rated: NDArray[np.floating],
    ratings: NDArray[np.floating],
    nominal: Sequence[float],
) -> list[Coverage]:
    """Measure the intervals of each nominal coverage on any number of rows, some of them at a time.

    Args:
        uncertainty: The distributions of a model.
        user_index: `(n,)`; -1 or an index without training ratings is cold.
        movie_index: `(n,)` likewise.
        rated: `(n,)` the model's predictions.
        ratings: `(n,)` the given ratings, at least one.
        nominal: The nominal coverages.
    """
    inside, width = np.zeros(len(nominal)), np.zeros(len(nominal))
    for rows in blocks(ratings.size):
        cumulative = uncertainty.cumulative(user_index[rows], movie_index[rows], rated[rows])
        for place, share in enumerate(nominal):
            found = coverage(uncertainty, cumulative, ratings[rows], share)
            inside[place] += found.observed * len(cumulative)
            width[place] += found.width * len(cumulative)
    return [
        Coverage(share, within / ratings.size, wide / ratings.size)
        for share, within, wide in zip(nominal, inside.tolist(), width.tolist(), strict=True)
    ]


def levels_of(levels: Floats, ratings: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the position of the level that is closest to each of `(n,)` ratings."""
    middles = (levels[1:] + levels[:-1]) / 2
    return np.searchsorted(middles, ratings).astype(np.int64)
