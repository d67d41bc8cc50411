"""How training ratings are spread over the movies, coarsely: enough for a histogram, and no more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.artefact.manifest import PopularityRange

_RANGES = 24


def popularity_ranges(popularity: NDArray[np.int64]) -> list[PopularityRange]:
    """Ranges of ranks that widen with the rank, and the ratings that each holds.

    Args:
        popularity: `(movies,)` training ratings of each movie, falling.
    """
    if not popularity.size:
        return []
    ends = np.unique(np.geomspace(1, popularity.size, _RANGES).round().astype(np.int64))
    starts = np.concatenate([[0], ends[:-1]])
    return [
        PopularityRange(first=int(start) + 1, last=int(end), ratings=int(popularity[start:end].sum()))
        for start, end in zip(starts, ends, strict=True)
    ]
