"""Counters of the predictions of a model: cheap for each prediction, summed up later."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

# Upper bounds of the histograms, inclusive.
STARS: Final = tuple(step / 2 for step in range(1, 11))
BATCHES: Final = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)


class ModelCounter:
    """Counters of the model with one name.

    Other threads and the fast path append to lists, because `append` is atomic; `add_up` adds these entries
    to the counters.

    Attributes:
        stars: Pairs rated by the model, per bucket of `STARS`, then the sum of their stars.
        cold: Pairs rated by the fallback, or refused as cold.
        batches: Batches per bucket of `BATCHES`, then the sum of their pairs.
        rankings: Recommendation lists, and new users.
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
        """Count pairs; see `RatingCounter`."""
        own = stars if known.all() else stars[known]
        self._manys.append((_by_stars(own), float(own.sum(dtype=np.float64)), stars.size - own.size))

    def ranking(self) -> None:
        """Count a recommendation list; see `RatingCounter`."""
        self._rankings.append(None)

    def add_up(self) -> None:
        """Add the collected entries to the counters. Only one thread calls this."""
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
    """Return the number of `(n,)` stars in each bucket of half a star; upper bounds are inclusive."""
    halves = np.maximum(np.ceil(stars * 2).astype(np.int64) - 1, 0)
    return np.bincount(halves, minlength=len(STARS))


def _take(entries: list[T]) -> list[T]:
    """Take all entries from a list in two atomic steps; entries appended in between stay in it."""
    taken = entries[:]
    del entries[: len(taken)]
    return taken
