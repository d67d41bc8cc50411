"""The scale of a data set's ratings, which every model, figure and answer of it follows."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Ratings with more decimals than this, or more distinct ratings, count as continuous.
_MOST_DECIMALS: Final = 4
_MOST_LEVELS: Final = 10_000
_MOST_STEPS: Final = np.iinfo(np.uint8).max
# Distillation and the penalties of the recipes were tuned in stars.
_STARS: Final = 5.0


@dataclass(frozen=True)
class RatingScale:
    """Lowest and highest possible rating, and the step between ratings.

    Attributes:
        low: Lowest rating.
        high: Highest rating.
        step: Largest number of which every observed rating, and `high`, is a multiple above `low`; None if
            the ratings are continuous.
    """

    low: float = 0.0
    high: float = 5.0
    step: float | None = 0.5

    @classmethod
    def observed(cls, low: float, high: float, ratings: Collection[float] | NDArray[Any]) -> RatingScale:
        """Return the scale with the step of the distinct `ratings`."""
        return cls(low, high, _step(low, high, ratings))

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest rating."""
        return self.low, self.high

    @property
    def width(self) -> float:
        """Difference between the highest and the lowest rating."""
        return self.high - self.low

    @property
    def unit(self) -> float:
        """Length of one star on this scale; 1 if the scale is 5 wide."""
        return self.width / _STARS

    def from_share(self, share: Any) -> Any:
        """Map shares of the scale, 0 to 1, to ratings; an array keeps its type."""
        rating = self.width * share
        return rating + self.low if self.low else rating

    def to_stars(self, ratings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map ratings to stars, 0 to 5, in which the distillation works on every scale."""
        stars: NDArray[np.float32] = (ratings - np.float32(self.low)) / np.float32(self.unit)
        return stars

    def from_stars(self, stars: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map stars, 0 to 5, to ratings."""
        ratings: NDArray[np.float32] = stars * np.float32(self.unit) + np.float32(self.low)
        return ratings

    def to_steps(self, ratings: NDArray[np.float32]) -> NDArray[np.uint8] | None:
        """Return ratings as steps above the lowest one, or None if a byte cannot represent each of them.

        Args:
            ratings: `(n,)` on the scale.
        """
        if not self.has_byte_steps or self.step is None:
            return None
        steps = np.round((ratings.astype(np.float64) - self.low) / self.step).astype(np.uint8)
        return steps if np.array_equal(self.from_steps(steps), ratings) else None

    def from_steps(self, steps: NDArray[Any]) -> NDArray[np.float32]:
        """Return the ratings of an array of steps (uint8), or of ratings (any other type).

        Args:
            steps: `(n,)` uint8 steps above the lowest rating, or float32 ratings.
        """
        if steps.dtype != np.uint8 or self.step is None:
            return steps.astype(np.float32)
        ratings: NDArray[np.float32] = (self.low + steps.astype(np.float64) * self.step).astype(np.float32)
        return ratings

    @property
    def has_byte_steps(self) -> bool:
        """Whether the number of a step fits in one byte."""
        return self.step is not None and self.width / self.step <= _MOST_STEPS

    def __str__(self) -> str:
        """Return `1 to 10`."""
        return f"{self.low:g} to {self.high:g}"


def _step(low: float, high: float, ratings: Collection[float] | NDArray[Any]) -> float | None:
    if len(ratings) > _MOST_LEVELS:
        return None
    # The shortest text of a float32 has the decimals that the file has.
    distances = [Decimal(str(np.float32(rating))) - Decimal(str(low)) for rating in (high, *ratings)]
    units = [distance.scaleb(_MOST_DECIMALS) for distance in distances]
    if any(unit != unit.to_integral_value() for unit in units):
        return None
    step = reduce(math.gcd, map(int, units), 0)
    return step / 10**_MOST_DECIMALS or None


DEFAULT_SCALE: Final = RatingScale()
"""0 to 5 in half stars: the scale of MovieLens, and of artefacts that state none."""
