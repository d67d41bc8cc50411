"""One step of the variational factorisation for a block of rows: pure functions, for any kind of runner.

The model of a rating in stars, for a user u and a movie i with the rows x = (U_u, b_u) and y = (V_i, c_i), is

    rating = 5 sigmoid(s) + noise        s = g + U_u . V_i + b_u + c_i        noise ~ N(0, 1 / (t_u t_i))

Each side's rows have a common normal prior, N(m, L^-1). The posterior is approximated by independent normal
distributions of all rows (Lim & Teh 2007, "Variational Bayesian Approach to Movie Rating Prediction";
Nakajima & Sugiyama 2011, "Theoretical Analysis of Bayesian Matrix Factorization"). The sigmoid is linearised
around the current means, as in Gauss-Newton least squares.

A rating affects the row of its user only through the moments of the movie, E[v v'] with v = (V_i, 1, c_i).
They are computed once for each movie, so that a rating costs one addition of a row of moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Examples
from training.data.shards.shards import Side
from training.distillation.base.loops import dot_products

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[..., Any])

MAX_STARS: Final = np.float32(5)
# The slope of a rating near an end of the scale is at least this, so that one rating cannot move a row far.
_LEAST_SLOPE: Final = np.float32(0.05)
# Ratings that are added in float32 before they are added to a sum in float64.
_RATINGS_PER_SUM: Final = 512
# Rows whose matrices are in memory at a time.
_ROWS_PER_BATCH: Final = 512


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive ids of one side, with their ratings.

    The solver passes the same objects in every round, so that a runner can place each of them once.

    Attributes:
        first: The first id.
        last: One after the last id.
        ratings: Their ratings.
    """

    first: int
    last: int
    ratings: Side


@dataclass(frozen=True)
class OtherSide:
    """What the rows of one side are computed from, for all blocks.

    Attributes:
        own: `(ids, rank + 1)` current means of the side to solve for, the bias last.
        own_trust: `(ids,)` precision t of its noise.
        means: `(other ids, rank + 1)` means of the other side.
        moments: `(other ids, m)` lower triangles of its moments E[v v'], row by row.
        trust: `(other ids,)` precision of its noise.
        prior_mean: `(rank + 1,)` m.
        prior_precision: `(rank + 1, rank + 1)` L.
        centre: g.
        scale: Scale of the ratings.
    """

    own: Floats
    own_trust: Floats
    means: Floats
    moments: Floats
    trust: Floats
    prior_mean: Doubles
    prior_precision: Doubles
    centre: float
    scale: RatingScale


@dataclass(frozen=True)
class Solved:
    """The posterior of the rows of a block.

    Attributes:
        means: `(rows, rank + 1)`.
        moments: `(rows, m)` lower triangles of E[v v'].
        residuals: `(rows,)` expected squared residuals of each row's ratings, times the other side's
            precisions.
    """

    means: Floats
    moments: Floats
    residuals: Doubles


@dataclass(frozen=True)
class Tables:
    """Means of both sides, which predict ratings.

    Attributes:
        users: `(users, rank + 1)`, the bias last.
        movies: `(movies, rank + 1)`, likewise.
        centre: g.
        scale: Scale of the ratings.
    """

    users: Floats
    movies: Floats
    centre: float
    scale: RatingScale


def solve(block: Block, other: OtherSide) -> Solved:
    """Compute the posterior of every row of a block, given the other side.

    A row's numbers depend on its own ratings only, not on the other rows of the block. Limit BLAS to one
    thread, because the matrices are small.
    """
    ratings, size = block.ratings, block.last - block.first
    columns = other.means.shape[1]
    means = np.empty((size, columns), np.float32)
    moments = np.empty((size, other.moments.shape[1]), np.float32)
    residuals = np.empty(size)
    for first in range(0, size, _ROWS_PER_BATCH):
        rows = slice(first, min(first + _ROWS_PER_BATCH, size))
        ids = slice(block.first + rows.start, block.first + rows.stop)
        part = ratings.block(rows.start, rows.stop)
        sums = _add_ratings(
            np.asarray(part.starts),
            np.asarray(part.others),
            other.scale.to_stars(other.scale.from_steps(np.asarray(part.stars))),
            other.own[ids],
            other.means,
            other.moments,
            other.trust,
            np.float32(other.centre),
        )
        means[rows], moments[rows], residuals[rows] = _solve_rows(
            *sums, other.own_trust[ids], other.prior_mean, other.prior_precision
        )
    return Solved(means, moments, residuals)


def score(pairs: Examples, tables: Tables) -> Floats:
    """Predict the `(n,)` stars of pairs."""
    matches = dot_products(tables.users, tables.movies, pairs.user_index, pairs.movie_index)
    stars: Floats = MAX_STARS / (1 + np.exp(-(matches + np.float32(tables.centre))))
    return stars


def error(pairs: Examples, tables: Tables) -> float:
    """Return the sum of the squared errors of pairs, in stars squared."""
    away = score(pairs, tables) - tables.scale.to_stars(pairs.ratings)
    return float(np.sum(np.square(away, dtype=np.float64)))


def first_moments(means: Floats) -> Floats:
    """Return the `(rows, m)` moments of rows that are certain."""
    count = len(means)
    second = means[:, :, None].astype(np.float64) * means[:, None, :]
    return _as_moments(means, second) if count else np.empty((0, 0), np.float32)


def second_moments(moments: Floats, columns: int) -> Doubles:
    """Return the `(columns, columns)` sum over rows of E[x x'] from their moments, the bias last."""
    order = [*range(columns - 1), columns]
    whole = _from_triangle(moments.sum(axis=0, dtype=np.float64)[None], columns + 1)[0]
    second: Doubles = whole[np.ix_(order, order)]
    return second


def _solve_rows(
    sums: Doubles,
    towards: Doubles,
    squares: Doubles,
    trust: Floats,
    prior_mean: Doubles,
    prior_precision: Doubles,
) -> tuple[Floats, Floats, Doubles]:
    """Solve the normal equations of rows; the arguments before `trust` are those of `_add_ratings`."""
    size, columns = len(sums), prior_mean.size
    pairs = _from_triangle(sums, columns + 1)
    own = trust.astype(np.float64)
    precision = own[:, None, None] * pairs[:, :columns, :columns] + prior_precision
    # The other side's bias is the last of v: it is a part of what is known of a rating.
    known = towards[:, :columns] - pairs[:, :columns, columns]
    covariance = np.linalg.inv(precision)
    means = np.einsum("nij,nj->ni", covariance, own[:, None] * known + prior_precision @ prior_mean)
    second = covariance + means[:, :, None] * means[:, None, :]
    # (x, 1) times v is the residual's part that depends on the row and the other side.
    extended = np.empty((size, columns + 1, columns + 1))
    extended[:, :columns, :columns] = second
    extended[:, columns, :columns] = extended[:, :columns, columns] = means
    extended[:, columns, columns] = 1
    explained = np.einsum("ni,ni->n", means, towards[:, :columns]) + towards[:, columns]
    residuals = squares - 2 * explained + np.einsum("nij,nij->n", pairs, extended)
    return means.astype(np.float32), _as_moments(means, second), np.maximum(residuals, 0)


def _as_moments(means: NDArray[Any], second: Doubles) -> Floats:
    """Return the lower triangles of E[v v'], v = (factors, 1, bias), from E[x] and E[x x'], the bias last."""
    size, columns = means.shape
    moments = np.empty((size, columns + 1, columns + 1))
    last = columns - 1
    moments[:, :last, :last] = second[:, :last, :last]
    moments[:, last, :last] = means[:, :last]
    moments[:, last, last] = 1
    moments[:, columns, :last] = second[:, last, :last]
    moments[:, columns, last] = means[:, last]
    moments[:, columns, columns] = second[:, last, last]
    rows, own = np.tril_indices(columns + 1)
    return moments[:, rows, own].astype(np.float32)


def _from_triangle(triangles: Doubles, size: int) -> Doubles:
    """Return the `(n, size, size)` symmetric matrices of `(n, m)` lower triangles."""
    whole = np.empty((len(triangles), size, size))
    rows, columns = np.tril_indices(size)
    whole[:, rows, columns] = triangles
    whole[:, columns, rows] = triangles
    return whole


def _compiled(function: Function) -> Function:
    # As in training.distillation.base.loops.
    return cast(Function, numba.njit(nogil=True, fastmath=True)(function))


@_compiled
def _add_ratings(
    starts: NDArray[np.int64],
    others: NDArray[np.int32],
    stars: Floats,
    own: Floats,
    means: Floats,
    moments: Floats,
    trust: Floats,
    centre: np.float32,
) -> tuple[Doubles, Doubles, Doubles]:
    """Add what the ratings of each row contribute to its normal equations.

    With p = sigmoid(s) at the current means and the slope q = 5 p (1 - p), a rating r is one of the match:
    its target is `t = s - g + (r - 5 p) / q` with the weight `w = trust q^2`.

    Args:
        starts: `(rows + 1,)` row i's ratings are `starts[i] : starts[i + 1]`.
        others: `(n,)` the other side's id of each rating.
        stars: `(n,)` stars of each rating.
        own: `(rows, rank + 1)` current means.
        means: `(other ids, rank + 1)`.
        moments: `(other ids, m)`.
        trust: `(other ids,)`.
        centre: g.

    Returns:
        `(rows, m)` sum of w E[v v'], `(rows, rank + 2)` sum of w t (V, 1, c), `(rows,)` sum of w t^2.
    """
    rows, columns = own.shape
    last, size = columns - 1, moments.shape[1]
    sums = np.zeros((rows, size))
    towards = np.zeros((rows, columns + 1))
    squares = np.zeros(rows)
    some = np.empty(size, np.float32)
    pull = np.empty(columns + 1, np.float32)
    one, five = np.float32(1), np.float32(5)
    for row in range(rows):
        first = starts[row]
        while first < starts[row + 1]:
            stop = min(first + _RATINGS_PER_SUM, starts[row + 1])
            some[:] = 0
            pull[:] = 0
            square = np.float32(0)
            for rating in range(first, stop):
                other = others[rating]
                match = own[row, last] + means[other, last]
                for i in range(last):
                    match += own[row, i] * means[other, i]
                share = one / (one + math.exp(-(match + centre)))
                slope = max(five * share * (one - share), _LEAST_SLOPE)
                target = match + (stars[rating] - five * share) / slope
                weight = trust[other] * slope * slope
                for i in range(size):
                    some[i] += weight * moments[other, i]
                scaled = weight * target
                for i in range(last):
                    pull[i] += scaled * means[other, i]
                pull[last] += scaled
                pull[columns] += scaled * means[other, last]
                square += scaled * target
            for i in range(size):
                sums[row, i] += some[i]
            for i in range(columns + 1):
                towards[row, i] += pull[i]
            squares[row] += square
            first = stop
    return sums, towards, squares
