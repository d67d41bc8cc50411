"""Loops over ratings and rows that NumPy has no fast form of, compiled by Numba when they are first called.

Numba's own threads and its cache on disk are not used. The loops release Python's lock, so that
`training.distillation.base.threads` can run them on all cores; compiling all of them takes 3 s, and a cache
would need a folder that can be written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Index = NDArray[np.integer[Any]]
Function = TypeVar("Function", bound=Callable[..., Any])

_SQRT_TWO: Final = math.sqrt(2.0)
_SQRT_TWO_PI: Final = math.sqrt(2.0 * math.pi)
_LEAST_PROBABILITY: Final = 1e-9
# Between these probabilities the quantile is finite and exact to double precision.
_LOWEST: Final = 1e-12
_HIGHEST: Final = 1.0 - 1e-12


def _compiled(function: Function) -> Function:
    return cast(Function, numba.njit(nogil=True, fastmath=True)(function))


@_compiled
def dot_products(users: Floats, movies: Floats, user: Index, movie: Index) -> Floats:
    """Return the `(n,)` dot products of factors, plus both biases.

    Args:
        users: `(users, rank + 1)`, the bias last.
        movies: `(movies, rank + 1)`, the bias last.
        user: `(n,)` user of each pair.
        movie: `(n,)` movie of each pair.
    """
    rank = users.shape[1] - 1
    products = np.empty(user.size, np.float32)
    for pair in range(user.size):
        own, other = user[pair], movie[pair]
        total = users[own, rank] + movies[other, rank]
        for column in range(rank):
            total += users[own, column] * movies[other, column]
        products[pair] = total
    return products


@_compiled
def sum_rows(ends: Index, other_index: Index, table: Floats) -> Floats:
    """Return `(rows, columns)`: for each row the sum of `table` over the other ids that it has ratings with.

    Args:
        ends: `(rows + 1,)` row i's ratings are `ends[i] : ends[i + 1]`.
        other_index: `(n,)` the other side's id of each rating.
        table: `(other ids, columns)`.
    """
    rows, columns = ends.size - 1, table.shape[1]
    sums = np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for rating in range(ends[row], ends[row + 1]):
            other = other_index[rating]
            for column in range(columns):
                sums[row, column] += table[other, column]
    return sums


@_compiled
def draw_rows(
    ends: Index,
    other_index: Index,
    other: Floats,
    target: Floats,
    trust: Floats,
    pull: Floats,
    precision: Floats,
    noise: Floats,
) -> Floats:
    """Draw rows of one side from their conditional normal distributions.

    Row i has the precision matrix `A = precision + sum trust x x'` and the mean
    `A^-1 (pull_i + sum trust t x)`. The sums are over its ratings; x is the other side's row with a 1 in
    place of its bias, and t is the target minus that bias.

    Args:
        ends: `(rows + 1,)` row i's ratings are `ends[i] : ends[i + 1]`.
        other_index: `(n,)` the other side's id of each rating.
        other: `(other ids, columns)` the other side's rows, the bias last.
        target: `(n,)` target of the dot product plus both biases for each rating.
        trust: `(n,)` precision of each target, or `(0,)` if all are 1.
        pull: `(rows, columns)` prior precision times prior mean.
        precision: `(columns, columns)` prior precision.
        noise: `(rows, columns)` standard normal draws.

    Returns:
        `(rows, columns)` draws.
    """
    # Loops over single elements compile five times as fast as slices.
    rows, columns = pull.shape
    last = columns - 1
    drawn = np.empty((rows, columns), np.float32)
    matrix = np.empty((columns, columns), np.float32)
    towards = np.empty(columns, np.float32)
    x = np.ones(columns, np.float32)
    for row in range(rows):
        for i in range(columns):
            towards[i] = pull[row, i]
            for j in range(columns):
                matrix[i, j] = precision[i, j]
        for rating in range(ends[row], ends[row + 1]):
            index = other_index[rating]
            for i in range(last):
                x[i] = other[index, i]
            rest = target[rating] - other[index, last]
            weight = trust[rating] if trust.size else np.float32(1)
            for i in range(columns):
                scaled = weight * x[i]
                towards[i] += scaled * rest
                for j in range(columns):
                    matrix[i, j] += scaled * x[j]
        _factorise(matrix)
        # With A = L L', L'^-1 (L^-1 b + z) has the mean A^-1 b and the covariance A^-1.
        for i in range(columns):
            total = towards[i]
            for j in range(i):
                total -= matrix[i, j] * towards[j]
            towards[i] = total / matrix[i, i]
        for i in range(last, -1, -1):
            total = (towards[i] + noise[row, i]) / matrix[i, i]
            drawn[row, i] = total
            for j in range(i):
                towards[j] -= matrix[i, j] * total
    return drawn


@_compiled
def _factorise(matrix: Floats) -> None:
    """Replace the lower triangle of a positive definite matrix by its Cholesky factor."""
    size = matrix.shape[0]
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                matrix[i, i] = math.sqrt(max(total, np.float32(1e-12)))
            else:
                matrix[i, j] = total / matrix[j, j]


@_compiled
def normal_cdf(x: float) -> float:
    """Return the probability that a standard normal variable is below `x`."""
    return 0.5 * math.erfc(-x / _SQRT_TWO)


@_compiled
def normal_quantile(probability: float) -> float:
    """Return the inverse of `normal_cdf`, by Acklam's rational approximation (relative error 1.2e-9)."""
    centred = probability - 0.5
    beyond = min(probability, 1 - probability)
    if beyond < 0.02425:
        root = math.sqrt(-2 * math.log(beyond))
        above = (((((-7.784894002430293e-03 * root - 3.223964580411365e-01) * root - 2.400758277161838e00)
                   * root - 2.549732539343734e00) * root + 4.374664141464968e00) * root
                 + 2.938163982698783e00)  # fmt: skip
        below = ((((7.784695709041462e-03 * root + 3.224671290700398e-01) * root + 2.445134137142996e00)
                  * root + 3.754408661907416e00) * root + 1.0)  # fmt: skip
        return -above / below if centred > 0 else above / below
    square = centred * centred
    above = (((((-3.969683028665376e01 * square + 2.209460984245205e02) * square - 2.759285104469687e02)
               * square + 1.383577518672690e02) * square - 3.066479806614716e01) * square
             + 2.506628277459239e00)  # fmt: skip
    below = (((((-5.447609879822406e01 * square + 1.615858368580409e02) * square - 1.556989798598866e02)
               * square + 6.680131188771972e01) * square - 1.328068155288572e01) * square + 1.0)  # fmt: skip
    return centred * above / below


@_compiled
def draw_latent(match: Floats, level: Index, bounds: Doubles, uniform: Doubles) -> Floats:
    """Draw the latent match of each rating: normal around `match`, between the bounds of its level.

    Args:
        match: `(n,)`.
        level: `(n,)` level of each rating.
        bounds: `(levels + 1,)` cut points between two far ends.
        uniform: `(n,)` draws from [0, 1).
    """
    latent = np.empty(match.size, np.float32)
    for rating in range(match.size):
        centre = np.float64(match[rating])
        low = normal_cdf(bounds[level[rating]] - centre)
        high = normal_cdf(bounds[level[rating] + 1] - centre)
        place = low + (high - low) * uniform[rating]
        latent[rating] = centre + normal_quantile(min(max(place, _LOWEST), _HIGHEST))
    return latent


@_compiled
def cut_point_slopes(match: Floats, level: Index, bounds: Doubles) -> Doubles:
    """Return the slope and the curvature of the ordered probit's log-likelihood at each bound.

    Args:
        match: `(n,)`.
        level: `(n,)` level of each rating.
        bounds: `(levels + 1,)` cut points between two far ends.

    Returns:
        `(2, levels + 1)`: slopes, and curvatures with their sign reversed.
    """
    slopes = np.zeros((2, bounds.size))
    for rating in range(match.size):
        own = level[rating]
        low, high = bounds[own] - match[rating], bounds[own + 1] - match[rating]
        probability = max(normal_cdf(high) - normal_cdf(low), _LEAST_PROBABILITY)
        at_low = math.exp(-0.5 * low * low) / _SQRT_TWO_PI / probability
        at_high = math.exp(-0.5 * high * high) / _SQRT_TWO_PI / probability
        slopes[0, own] -= at_low
        slopes[0, own + 1] += at_high
        slopes[1, own] += at_low * at_low
        slopes[1, own + 1] += at_high * at_high
    return slopes


@_compiled
def expected_stars(cuts: Doubles, stars: Doubles, points: int) -> Floats:
    """Return the `(points,)` expected ratings for evenly spaced latent matches from -10 to 10.

    Args:
        cuts: `(levels - 1,)` cut points.
        stars: `(levels,)` stars of each level.
        points: Number of matches.
    """
    expected = np.empty(points, np.float32)
    for point in range(points):
        match, total = 20.0 * point / (points - 1) - 10.0, stars[-1]
        for cut in range(cuts.size):
            total -= (stars[cut + 1] - stars[cut]) * normal_cdf(cuts[cut] - match)
        expected[point] = total
    return expected


@_compiled
def add_expected(total: Floats, match: Floats, table: Floats) -> None:
    """Add the expected rating for each latent match to `total`, from a lookup table.

    Args:
        total: `(n,)`, changed in place.
        match: `(n,)`.
        table: `(points,)` expected ratings at evenly spaced matches from -10 to 10.
    """
    last = np.float32(table.size - 1)
    scale, shift = last / np.float32(20), last / np.float32(2) + np.float32(0.5)
    for pair in range(match.size):
        place = min(max(match[pair] * scale + shift, np.float32(0)), last)
        total[pair] += table[np.int32(place)]
