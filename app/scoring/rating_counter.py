"""What counts the answers of a model."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray


class RatingCounter(Protocol):
    """Counts the answers of a model. Called from any thread."""

    def one(self, stars: float, /) -> object:
        """Count a rated pair of warm ids."""

    def many(self, stars: NDArray[np.float32], known: NDArray[np.bool_], /) -> object:
        """Count rated pairs.

        Args:
            stars: `(n,)`.
            known: `(n,)` which of them the model predicted, rather than the fallback.
        """

    def batch(self, pairs: int, /) -> object:
        """Count a batch of so many pairs, which is about to be rated."""

    def ranking(self) -> object:
        """Count a list of best movies, or ratings for a new user."""


class _NoCounter:
    def one(self, *_: object) -> None:
        """Count nothing."""

    many = batch = ranking = one


NO_COUNTER: Final[RatingCounter] = _NoCounter()
