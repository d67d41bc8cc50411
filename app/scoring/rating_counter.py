"""What counts the answers of a model: the protocol, and a counter that does nothing."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray


class Tally(Protocol):
    """Is told what a model answers. Called from any thread."""

    def one(self, stars: float, /) -> object:
        """A pair of warm ids was rated."""

    def many(self, stars: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        """Pairs were rated.

        Args:
            stars: `(n,)`.
            known: `(n,)` which of them are the model's, and not a mean's.
        """

    def batch(self, pairs: int, /) -> object:
        """A batch of so many pairs is to be rated."""

    def ranking(self) -> None:
        """A list of the best movies is asked for, or ratings for a new user."""


class NoTally:
    """Forgets at once."""

    def one(self, stars: float, /) -> None:
        """Nothing."""

    def many(self, stars: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        """Nothing."""

    def batch(self, pairs: int, /) -> None:
        """Nothing."""

    def ranking(self) -> None:
        """Nothing."""


NO_TALLY: Final = NoTally()
