"""The best movies of a user: the one definition of their order, for the service and for bulk scoring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.families.table import Floats


def highest(keys: Floats, n: int, excluded: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return the indices of the `n` highest keys, highest first; of equal keys, the lowest index first.

    The keys, `(movies,)`, of the `excluded` indices are overwritten. Such an index may be repeated.
    """
    keys[excluded] = -np.inf
    count = min(n, keys.size - np.unique(excluded).size)
    if count <= 0:
        return np.empty(0, np.int32)
    # All that equal the last one are sorted, so that the order is always the same.
    last = np.partition(keys, -count)[-count]
    candidates = np.flatnonzero(keys >= last).astype(np.int32)
    return candidates[np.argsort(-keys[candidates], kind="stable")[:count]]


def best_movies(
    keys: Floats, n: int, excluded: NDArray[np.integer], rate: Callable[[NDArray[np.int32]], Floats]
) -> tuple[NDArray[np.int32], Floats]:
    """Return the `n` movies with the highest ratings, best first; of equal ratings, the lowest index first.

    Args:
        keys: `(movies,)` sort keys that increase with the ratings, up to rounding; overwritten.
        n: Maximum number of movies.
        excluded: Indices of movies to leave out.
        rate: Returns the ratings of movies. Those of the chosen ones decide their order.

    Returns:
        Indices and ratings, as many as there are, up to `n`.
    """
    best = highest(keys, n, excluded)
    stars = rate(best)
    order = np.lexsort((best, -stars))
    return best[order], stars[order]
