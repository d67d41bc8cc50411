"""Counters of the predictions of a model: cheap for each prediction, summed up later."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.artefact import DEFAULT_SCALE, RatingScale

T = TypeVar("T")

# The scale of the ratings is divided into this many buckets, of half a star each on the scale 0 to 5.
RATING_BUCKETS: Final = 10
# Upper bounds of the buckets, inclusive.
BATCHES: Final = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)


class ModelCounter:
    """Counters of the model with one name.

    Other threads and the fast path append to lists, because `append` is atomic; `add_up` adds these entries
    to the counters.

    Attributes:
        ratings: Pairs rated by the model, per bucket of `rating_bounds`, then the sum of their ratings.
        cold: Pairs rated by the fallback, or refused as cold.
        batches: Batches per bucket of `BATCHES`, then the sum of their pairs.
        rankings: Recommendation lists, and new users.
        compared_errors: `(4,)` pairs with a given rating; sums of their squared errors, of their errors
            above, and of those below.
        scale: Scale of the ratings.
    """

    def __init__(self, scale: RatingScale = DEFAULT_SCALE) -> None:
        self.scale = scale
        self.ratings = [0.0] * (RATING_BUCKETS + 2)
        self.cold = 0
        self.batches = [0.0] * (len(BATCHES) + 2)
        self.rankings = 0
        self.compared_errors = np.zeros(4)
        self._ones: list[float] = []
        self._manys: list[tuple[NDArray[np.int64], float, int]] = []
        self._batches: list[int] = []
        self._rankings: list[None] = []
        self._compared: list[NDArray[np.float64]] = []
        self.one = self._ones.append
        self.batch = self._batches.append

    def many(self, ratings: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        """Count pairs; see `RatingCounter`."""
        own = ratings if known.all() else ratings[known]
        self._manys.append((self._by_bucket(own), float(own.sum(dtype=np.float64)), ratings.size - own.size))

    def compared(self, errors: NDArray[np.float64]) -> None:
        """Count differences of predicted and given ratings; see `RatingCounter`."""
        above = float(errors[errors > 0].sum())
        squared = float(errors @ errors)
        self._compared.append(np.array([errors.size, squared, above, above - float(errors.sum())]))

    def ranking(self) -> None:
        """Count a recommendation list; see `RatingCounter`."""
        self._rankings.append(None)

    def add_up(self) -> None:
        """Add the collected entries to the counters. Only one thread calls this."""
        ones = np.array(_take(self._ones), np.float32)
        manys = _take(self._manys)
        if ones.size:
            manys.append((self._by_bucket(ones), float(ones.sum(dtype=np.float64)), 0))
        for counts, total, cold in manys:
            for place, count in enumerate(counts.tolist()):
                self.ratings[place] += count
            self.ratings[-1] += total
            self.cold += cold
        for pairs in _take(self._batches):
            self.batches[int(np.searchsorted(BATCHES, pairs))] += 1
            self.batches[-1] += pairs
        self.rankings += len(_take(self._rankings))
        for entry in _take(self._compared):
            self.compared_errors += entry

    def _by_bucket(self, ratings: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the number of `(n,)` ratings in each bucket."""
        place = np.ceil((ratings - self.scale.low) * (RATING_BUCKETS / self.scale.width)).astype(np.int64) - 1
        return np.bincount(np.clip(place, 0, RATING_BUCKETS - 1), minlength=RATING_BUCKETS)


def rating_bounds(scale: RatingScale) -> list[float]:
    """Return the upper bounds, inclusive, of the buckets of ratings on a scale."""
    return [scale.low + scale.width * bucket / RATING_BUCKETS for bucket in range(1, RATING_BUCKETS + 1)]


def _take(entries: list[T]) -> list[T]:
    """Take all entries from a list in two atomic steps; entries appended in between stay in it."""
    taken = entries[:]
    del entries[: len(taken)]
    return taken
