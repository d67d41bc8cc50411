"""What several members' predictions count in their blend, found on validation rows."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.observed import Floats

LEAST_WEIGHT: Final = 0.02


def find_weights(predictions: Floats, ratings: Floats) -> tuple[float, ...]:
    """Weights, none negative and adding up to 1, of the least squared error.

    Weights that add up to 1 keep the scale of stars, and one that may not be negative cannot play one
    member's mistake against another's. There are few members, so every set of them is tried: the best
    weights that add up to 1 solve a linear system, and a set counts if none of its weights is negative.

    Args:
        predictions: `(members, n)` stars, on rows that no member was fitted on.
        ratings: `(n,)` stars.

    Returns:
        One weight a member, rounded to 3 digits; 0 for a member that the best set leaves out. A set of
        which a member counts less than `LEAST_WEIGHT` is not considered: it would be fitted for nothing.
    """
    members = len(predictions)
    away = predictions.astype(np.float64) - ratings
    products = away @ away.T / max(ratings.size, 1)
    best, least = np.zeros(members), np.inf
    for count in range(1, members + 1):
        for chosen in combinations(range(members), count):
            weights = _least_squares(products[np.ix_(chosen, chosen)])
            cost = float(weights @ products[np.ix_(chosen, chosen)] @ weights)
            if weights.min() >= LEAST_WEIGHT and cost < least - 1e-12:
                least, best = cost, np.zeros(members)
                best[list(chosen)] = weights
    rounded = np.round(best, 3)
    rounded[rounded.argmax()] += 1 - rounded.sum()
    return tuple(round(float(weight), 3) for weight in rounded)


def _least_squares(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights w of the least w'Pw that add up to 1; P is the mean products of the errors."""
    ridge = 1e-9 * np.trace(products) * np.eye(len(products))  # two members may agree on every row
    weights = np.linalg.solve(products + ridge + 1e-30 * np.eye(len(products)), np.ones(len(products)))
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed
