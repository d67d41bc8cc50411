"""Fit one side of a student while the other is fixed: Gauss-Newton, in floats or on the codes.

The loss is the weighted squared error in stars over all pairs,

    sum_ui w_ui (5 sigmoid(s_ui) - t_ui)^2            s_ui = x_u . y_i + b_u + c_i + g

For a row z of one side, with regressors o from the other side (its factors, and 1 for the bias), the model
is linearised around the current z0: with p = sigmoid(s) and q = 5 p (1 - p), the gradient and curvature are

    gradient = sum w q (5 p - t) o                     curvature = sum w q^2 o o'

Every row has its own small linear system, which is accumulated over tiles of users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.compress.quantisation import best_steps, pack_table, round_to
from training.distillation.base.observed import Floats
from training.distillation.base.settings import StudentSettings
from training.distillation.base.tiles import Predictions, Tile
from training.distillation.student.factors import MAX_STARS, Factors, SideName, sigmoid
from training.distillation.student.propensity import PairWeights
from training.factors.solver import Runner, ThreadRunner
from training.families.packed_table import PackedTable


@dataclass(frozen=True)
class Target:
    """What a student is fitted to.

    Attributes:
        teacher: The teacher's stars.
        weights: The weight of each pair.
        tiles: All pairs, or a sample.
        runner: Computes the tiles, in threads of this machine or on a cluster.
    """

    teacher: Predictions
    weights: PairWeights
    tiles: Sequence[Tile]
    runner: Runner = field(default_factory=ThreadRunner)


@dataclass(frozen=True)
class NormalEquations:
    """The normal equations of every row of one side.

    Attributes:
        gradient: `(rows, columns)`.
        curvature: `(rows, columns, columns)`.
    """

    gradient: Floats
    curvature: Floats

    @property
    def diagonal(self) -> Floats:
        """`(rows, columns)` diagonal of the curvature."""
        return np.ascontiguousarray(np.diagonal(self.curvature, axis1=1, axis2=2))


@dataclass(frozen=True)
class Widths:
    """Bit widths of the blocks and columns of one side.

    Attributes:
        block_sizes: Rows of each block.
        widths: `(blocks, columns)` bits, 0 for a dropped column.
    """

    block_sizes: tuple[int, ...]
    widths: NDArray[np.uint8]

    def by_row(self) -> NDArray[np.uint8]:
        """Return the `(rows, columns)` bits of each value."""
        return np.repeat(self.widths, self.block_sizes, axis=0)

    def pack(self, table: Floats, steps: Floats) -> PackedTable:
        """Pack a table with the nearest codes."""
        return pack_table(table, self.widths, steps, self.block_sizes)


@dataclass(frozen=True)
class _Step:
    """What the tiles of a step have in common.

    Attributes:
        factors: The student.
        teacher: The teacher's stars.
        weights: The weight of each pair.
        side: The side to update.
        regressors: `(ids of the other side, columns)`.
        products: `(ids of the other side, pairs of columns)` products of the regressors; None if each id is
            in one tile only, which computes them.
    """

    factors: Factors
    teacher: Predictions
    weights: PairWeights
    side: SideName
    regressors: Floats
    products: Floats | None


def _products(regressors: Floats) -> Floats:
    first, second = np.triu_indices(regressors.shape[1])
    products: Floats = regressors[:, first] * regressors[:, second]
    return products


def _sums(tile: Tile, step: _Step) -> tuple[Floats, Floats]:
    """Return the gradient and the upper half of the curvature of the rows of a tile."""
    share = sigmoid(step.factors.logits(tile))
    error: Floats = np.float32(MAX_STARS) * share
    error -= step.teacher.tile(tile)
    slope = share * (np.float32(MAX_STARS) * (1 - share))
    weight: Floats = step.weights.tile(tile)
    weight *= slope
    error *= weight
    weight *= slope
    others = tile.movies if step.side == "users" else tile.users
    regressors = step.regressors[others]
    products = _products(regressors) if step.products is None else step.products[others]
    if step.side == "users":
        return error @ regressors, weight @ products
    return error.T @ regressors, weight.T @ products


def _errors(tile: Tile, shared: tuple[Factors, Predictions, PairWeights]) -> tuple[float, float]:
    """Return the weighted sum of the squared errors of a tile, and the sum of the weights."""
    factors, teacher, weights = shared
    error = np.float32(MAX_STARS) * sigmoid(factors.logits(tile)) - teacher.tile(tile)
    weight = weights.tile(tile)
    return float(np.einsum("ui,ui,ui->", weight, error, error)), float(weight.sum())


def normal_equations(factors: Factors, target: Target, side: SideName) -> NormalEquations:
    """Compute the gradient and curvature of every row of a side."""
    own, other = (factors.users, factors.movies) if side == "users" else (factors.movies, factors.users)
    columns = own.shape[1]
    upper = np.triu_indices(columns)
    regressors = np.concatenate([other[:, :-1], np.ones((len(other), 1), dtype=np.float32)], axis=1)
    # A movie is in many tiles, and a user in one.
    products = _products(regressors) if side == "users" else None
    step = _Step(factors, target.teacher, target.weights, side, regressors, products)
    gradient = np.zeros((len(own), columns), dtype=np.float32)
    packed = np.zeros((len(own), upper[0].size), dtype=np.float32)
    parts = target.runner.run(_sums, target.tiles, step)
    for tile, (error, weight) in zip(target.tiles, parts, strict=True):
        ids = tile.users if side == "users" else tile.movies
        gradient[ids] += error
        packed[ids] += weight
    curvature = np.empty((len(own), columns, columns), dtype=np.float32)
    curvature[:, upper[0], upper[1]] = packed
    curvature[:, upper[1], upper[0]] = packed
    return NormalEquations(gradient, curvature)


def objective(factors: Factors, target: Target) -> float:
    """Return the weighted mean squared error against the teacher, in stars squared."""
    shared = (factors, target.teacher, target.weights)
    error_sum, weight_sum = np.sum(list(target.runner.run(_errors, target.tiles, shared)), axis=0)
    return float(error_sum / weight_sum)


def float_step(factors: Factors, target: Target, side: SideName, ridge: float) -> Factors:
    """Take one Gauss-Newton step of a side in floats."""
    current = factors.side(side)
    equations = normal_equations(factors, target, side)
    damped = _damped(equations.curvature, ridge)
    updated = current - np.linalg.solve(damped, equations.gradient[:, :, None])[:, :, 0]
    return factors.with_side(side, updated.astype(np.float32))


def packed_step(
    factors: Factors, target: Target, side: SideName, layout: Widths, settings: StudentSettings
) -> tuple[Factors, Floats]:
    """Take one step of a side on its codes.

    The optimal floats of each row are computed, new quantisation steps are chosen for them, and they are
    rounded. Coordinate descent then passes over the columns of each row, from the bias to the most important
    factor: each code takes the value that is best given the others, so that one column compensates for the
    rounding of another.

    Args:
        factors: The student; the values of the side are decoded from codes.
        target: The target of the student.
        side: The side to update.
        layout: Blocks and bit widths of the side.
        settings: The ridge, and the number of passes of coordinate descent (`code_sweeps`).

    Returns:
        The student, and the `(blocks, columns)` steps of the side.
    """
    current = factors.side(side)
    equations = normal_equations(factors, target, side)
    curvature = _damped(equations.curvature, settings.ridge)
    columns = np.arange(current.shape[1])
    widths = layout.by_row()
    kept = (widths > 0).astype(np.float32)
    # A dropped column stays at 0, so its row and column are removed from the system.
    free = curvature * kept[:, :, None] * kept[:, None, :]
    mean = equations.diagonal.mean(axis=1, keepdims=True)
    free[:, columns, columns] += (1 - kept) * mean
    best = (current - np.linalg.solve(free, (equations.gradient * kept)[:, :, None])[:, :, 0]) * kept
    steps = best_steps(best, layout.widths, layout.block_sizes, equations.diagonal)
    row_steps = np.repeat(steps, layout.block_sizes, axis=0)
    chosen = round_to(best, row_steps, widths)
    diagonal = curvature[:, columns, columns]
    # Gradient of the quadratic approximation at the chosen values.
    slope = equations.gradient + np.einsum("nij,nj->ni", curvature, chosen - current)
    for _ in range(settings.code_sweeps):
        for column in columns[::-1]:
            wanted = chosen[:, column] - slope[:, column] / diagonal[:, column]
            rounded = round_to(wanted, row_steps[:, column], widths[:, column])
            slope += curvature[:, :, column] * (rounded - chosen[:, column])[:, None]
            chosen[:, column] = rounded
    return factors.with_side(side, chosen), steps


def _damped(curvature: Floats, ridge: float) -> Floats:
    columns = np.arange(curvature.shape[1])
    mean = curvature[:, columns, columns].mean(axis=1, keepdims=True)
    damped = curvature.copy()
    damped[:, columns, columns] += np.float32(ridge) * mean + np.float32(1e-12)
    return damped
