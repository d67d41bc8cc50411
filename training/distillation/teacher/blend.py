"""Find the weights of a blend of predictions on validation rows."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.observed import Floats

LEAST_WEIGHT: Final = 0.02


def find_weights(predictions: Floats, ratings: Floats) -> tuple[float, ...]:
    """Find the non-negative weights with sum 1 that minimise the squared error.

    A sum of 1 keeps the scale of stars, and non-negative weights cannot cancel one member's errors with those
    of another. There are few members, so every subset is tried: its optimal weights with sum 1 solve a linear
    system, and the subset is valid if none of its weights is negative.

    Args:
        predictions: `(members, n)` stars, on rows that no member was fitted on.
        ratings: `(n,)` stars.

    Returns:
        One weight per member, rounded to 3 digits; 0 for a member that is not in the best subset. A subset
        with a weight below `LEAST_WEIGHT` is skipped: fitting that member would not be worth its time.
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
    """Minimise w'Pw over weights w with sum 1; P has the mean products of the errors."""
    ridge = 1e-9 * np.trace(products) * np.eye(len(products))  # two members may agree on every row
    weights = np.linalg.solve(products + ridge + 1e-30 * np.eye(len(products)), np.ones(len(products)))
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed
