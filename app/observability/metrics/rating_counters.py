"""Counting of a model's answers: cheap where a pair is rated, added up later."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

# Upper bounds of the histograms, inclusive.
STARS: Final = tuple(step / 2 for step in range(1, 11))
BATCHES: Final = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)


class ModelCounter:
    """Counts the answers of the model of one name.

    What other threads and the hot path hand in lies in lists, whose `append` cannot be interrupted, until
    `add_up` is called.

    Attributes:
        stars: Pairs rated by the model, by `STARS`, then the sum of their stars.
        cold: Pairs that a mean stood in for, or that were refused as cold.
        batches: Batches by `BATCHES`, then the sum of their pairs.
        rankings: Lists of best movies, and new users.
    """

    def __init__(self) -> None:
        self.stars = [0.0] * (len(STARS) + 2)
        self.cold = 0
        self.batches = [0.0] * (len(BATCHES) + 2)
        self.rankings = 0
        self._ones: list[float] = []
        self._manys: list[tuple[NDArray[np.int64], float, int]] = []
        self._batches: list[int] = []
        self._rankings: list[None] = []
        self.one = self._ones.append
        self.batch = self._batches.append

    def many(self, stars: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        """Count pairs, as `RatingCounter` says."""
        own = stars if known.all() else stars[known]
        self._manys.append((_by_stars(own), float(own.sum(dtype=np.float64)), stars.size - own.size))

    def ranking(self) -> None:
        """Count a list, as `RatingCounter` says."""
        self._rankings.append(None)

    def add_up(self) -> None:
        """Add what was handed in to the counts. Only one thread calls this."""
        ones = np.array(_take(self._ones), np.float32)
        manys = _take(self._manys)
        if ones.size:
            manys.append((_by_stars(ones), float(ones.sum(dtype=np.float64)), 0))
        for counts, total, cold in manys:
            for place, count in enumerate(counts.tolist()):
                self.stars[place] += count
            self.stars[-1] += total
            self.cold += cold
        for pairs in _take(self._batches):
            self.batches[int(np.searchsorted(BATCHES, pairs))] += 1
            self.batches[-1] += pairs
        self.rankings += len(_take(self._rankings))


def _by_stars(stars: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many of `(n,)` stars fall in each half star; one that is on a bound belongs below it."""
    halves = np.maximum(np.ceil(stars * 2).astype(np.int64) - 1, 0)
    return np.bincount(halves, minlength=len(STARS))


def _take(handed_in: list[T]) -> list[T]:
    """Empty the list, in two steps that cannot be interrupted; what comes in between stays in it."""
    taken = handed_in[:]
    del handed_in[: len(taken)]
    return taken
