"""Noise models, i.e. the likelihood of a rating given the match, and the normal distribution."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.observed import Floats, Observed, rating_levels

_BEYOND: Final = 50.0
_LEAST_PROBABILITY: Final = 1e-9
_SQRT_TWO_PI: Final = math.sqrt(2 * math.pi)
# Shape of the gamma prior of a user's precision: it weighs as much as twice this number of ratings.
_PRECISION_SHAPE: Final = 6.0
_LOOKUP: Final = np.linspace(-10.0, 10.0, 2_001)
# The normal distribution on a grid, for interpolation.
_GRID: Final = np.linspace(-9.0, 9.0, 36_001)
_ON_GRID: Final = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in _GRID])

# Acklam's rational approximation of the inverse; relative error at most 1.2e-9.
_CENTRE_ABOVE: Final = (
    -3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02,
    1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00,
)  # fmt: skip
_CENTRE_BELOW: Final = (
    -5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02,
    6.680131188771972e01, -1.328068155288572e01, 1.0,
)  # fmt: skip
_TAIL_ABOVE: Final = (
    -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00,
    -2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00,
)  # fmt: skip
_TAIL_BELOW: Final = (
    7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0,
)  # fmt: skip
_TAIL: Final = 0.02425


class OrdinalNoise:
    """Ordered probit (Albert & Chib 1993): a latent match with unit noise, cut into the rating levels.

    Users do not use the scale evenly; the cut points are the learnt boundaries between neighbouring levels.

    Attributes:
        stars: `(levels,)` stars of each level.
    """

    def __init__(self, observed: Observed, random: np.random.Generator) -> None:
        self._random = random
        self.stars, self._level = rating_levels(observed.ratings)
        below = np.cumsum(np.bincount(self._level))[:-1] / len(observed)
        # The latent match has a larger variance than its unit noise.
        self._cuts = normal_quantile(below) * 1.3

    def draw_targets(self, match: Floats) -> tuple[Floats, Floats | None]:
        """Draw the cut points, and then the latent match of every rating within its level.

        Returns:
            The `(n,)` targets of the factors; their precision is 1.
        """
        self._draw_cuts(match)
        bounds = self._bounds()
        low = normal_cdf(bounds[self._level] - match)
        high = normal_cdf(bounds[self._level + 1] - match)
        place = low + (high - low) * self._random.random(match.size)
        latent = match + normal_quantile(np.clip(place, 1e-12, 1 - 1e-12))
        return latent.astype(np.float32), None

    def state(self) -> NDArray[np.float32]:
        """Return the `(levels - 1,)` cut points, all that predictions need of a round."""
        return self._cuts.astype(np.float32)

    def _bounds(self) -> NDArray[np.float64]:
        return np.concatenate([[-_BEYOND], self._cuts, [_BEYOND]])

    def _draw_cuts(self, match: Floats) -> None:
        """Take a Newton step on the likelihood of each cut point, with noise of its Laplace approximation."""
        bounds = self._bounds()
        high, low = bounds[self._level + 1] - match, bounds[self._level] - match
        probability = np.maximum(normal_cdf(high) - normal_cdf(low), _LEAST_PROBABILITY)
        at_high = np.exp(-0.5 * high * high) / _SQRT_TWO_PI / probability
        at_low = np.exp(-0.5 * low * low) / _SQRT_TWO_PI / probability
        for cut in range(self._cuts.size):
            below, above = at_high[self._level == cut], at_low[self._level == cut + 1]
            slope = below.sum() - above.sum()
            curvature = max(float((below**2).sum() + (above**2).sum()), 1.0)
            self._cuts[cut] += slope / curvature + self._random.standard_normal() / math.sqrt(curvature)
        self._cuts.sort()


class GaussianNoise:
    """Normal noise around the match, with one precision per user, as some rate more consistently.

    Attributes:
        stars: `(2,)` lowest and highest rating.
    """

    def __init__(self, observed: Observed, random: np.random.Generator) -> None:
        self._random, self._ratings = random, observed.ratings
        self._user, self._counts = observed.user_index, observed.user_counts
        self._mean = np.float32(observed.ratings.mean(dtype=np.float64))
        self.stars = np.array([observed.lowest, observed.highest])

    def draw_targets(self, match: Floats) -> tuple[Floats, Floats | None]:
        """Draw the precision of every user.

        Returns:
            The `(n,)` targets of the factors, which are the ratings minus their mean, and their precision.
        """
        away = (self._ratings - self._mean - match).astype(np.float64)
        squares = np.bincount(self._user, away * away, self._counts.size)
        rate = _PRECISION_SHAPE * max(squares.sum() / self._ratings.size, 1e-6)
        precision = self._random.gamma(_PRECISION_SHAPE + self._counts / 2, 1 / (rate + squares / 2))
        return self._ratings - self._mean, precision.astype(np.float32)[self._user]

    def state(self) -> NDArray[np.float32]:
        """Return the `(1,)` mean rating, all that predictions need of a round."""
        return np.array([self._mean])


def ordinal_stars(match: Floats, cuts: NDArray[np.float32], stars: NDArray[np.float64]) -> Floats:
    """Return the expected rating for each latent match, from a lookup table with 2,001 points.

    Args:
        match: Latent matches of any shape.
        cuts: `(levels - 1,)` cut points.
        stars: `(levels,)` stars of each level.
    """
    steps = np.diff(stars)
    table = stars[-1] - sum(
        (step * normal_cdf(cut - _LOOKUP) for step, cut in zip(steps, cuts, strict=True)), np.zeros(1)
    )
    place = np.clip((match + 10) * 100 + 0.5, 0, _LOOKUP.size - 1).astype(np.int32)
    expected: Floats = np.broadcast_to(table, _LOOKUP.shape).astype(np.float32)[place]
    return expected


def normal_cdf(x: Any) -> NDArray[np.float64]:
    """Return the probability below `x`, from a grid of step 0.0005; the absolute error is below 1e-7."""
    probability: NDArray[np.float64] = np.interp(x, _GRID, _ON_GRID)
    return probability


def normal_quantile(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of `normal_cdf` for probabilities within (0, 1)."""
    centred = probability - 0.5
    square = centred * centred
    x = np.polyval(_CENTRE_ABOVE, square) * centred / np.polyval(_CENTRE_BELOW, square)
    beyond = np.minimum(probability, 1 - probability)
    tail = beyond < _TAIL
    root = np.sqrt(-2 * np.log(beyond[tail]))
    x[tail] = np.polyval(_TAIL_ABOVE, root) / np.polyval(_TAIL_BELOW, root) * np.sign(-centred[tail])
    quantile: NDArray[np.float64] = x
    return quantile
