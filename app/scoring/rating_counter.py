"""The interface for counting predictions, which `app.observability.metrics.rating_counters` implements."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray


class RatingCounter(Protocol):
    """Counts the predictions of a model. Called from any thread."""

    def one(self, stars: float, /) -> object:
        """Count a rated pair of warm ids."""

    def many(self, stars: NDArray[np.float32], known: NDArray[np.bool_], /) -> object:
        """Count `(n,)` rated pairs, and whether the model predicted each (`known`) or the fallback."""

    def batch(self, pairs: int, /) -> object:
        """Count a batch with this number of pairs, before it is rated."""

    def compared(self, errors: NDArray[np.float64], /) -> object:
        """Count `(n,)` differences of predicted and given ratings."""

    def ranking(self) -> object:
        """Count a recommendation list, or predictions for a new user."""


class _NoCounter:
    def one(self, *_: object) -> None:
        """Count nothing."""

    many = batch = compared = ranking = one


NO_COUNTER: Final[RatingCounter] = _NoCounter()
