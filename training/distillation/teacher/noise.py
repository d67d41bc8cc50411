"""Noise models, i.e. the likelihood of a rating given the match."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.loops import cut_point_slopes, draw_latent, normal_quantile
from training.distillation.base.observed import Floats, Observed, rating_levels
from training.distillation.base.threads import concatenate, in_threads, ranges

_BEYOND: Final = 50.0
# Shape of the gamma prior of a user's precision: it weighs as much as twice this number of ratings.
_PRECISION_SHAPE: Final = 6.0


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
        self._cuts = np.array([normal_quantile(share) for share in below.tolist()]) * 1.3
        self._ranges = ranges(np.arange(len(observed) + 1))

    def draw_targets(self, match: Floats) -> tuple[Floats, Floats | None]:
        """Draw the cut points, and then the latent match of every rating within its level.

        Returns:
            The `(n,)` targets of the factors; their precision is 1.
        """
        self._draw_cuts(match)
        bounds, uniform = self._bounds(), self._random.random(match.size)
        latent = concatenate(
            lambda part: draw_latent(match[part], self._level[part], bounds, uniform[part]), self._ranges
        )
        return latent, None

    def state(self) -> NDArray[np.float32]:
        """Return the `(levels - 1,)` cut points, all that predictions need of a round."""
        return self._cuts.astype(np.float32)

    def _bounds(self) -> NDArray[np.float64]:
        return np.concatenate([[-_BEYOND], self._cuts, [_BEYOND]])

    def _draw_cuts(self, match: Floats) -> None:
        """Take a Newton step on the likelihood of each cut point, with noise of its Laplace approximation."""
        bounds = self._bounds()
        parts = in_threads(
            lambda part: cut_point_slopes(match[part], self._level[part], bounds), self._ranges
        )
        slopes, curvatures = np.sum(list(parts), axis=0)[:, 1:-1]
        curvatures = np.maximum(curvatures, 1.0)
        noise = self._random.standard_normal(self._cuts.size)
        self._cuts += slopes / curvatures + noise / np.sqrt(curvatures)
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
