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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.compress.quantisation import best_steps, pack_table, round_to
from training.distillation.base.observed import Floats
from training.distillation.base.settings import StudentSettings
from training.distillation.base.threads import in_threads
from training.distillation.base.tiles import Predictions, Tile
from training.distillation.student.factors import MAX_STARS, Factors, SideName, sigmoid
from training.distillation.student.propensity import PairWeights
from training.families.packed_table import PackedTable


@dataclass(frozen=True)
class Target:
    """What a student is fitted to.

    Attributes:
        teacher: The teacher's stars.
        weights: The weight of each pair.
        tiles: All pairs, or a sample.
    """

    teacher: Predictions
    weights: PairWeights
    tiles: Sequence[Tile]


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


def normal_equations(factors: Factors, target: Target, side: SideName) -> NormalEquations:
    """Compute the gradient and curvature of every row of a side."""
    own, other = (factors.users, factors.movies) if side == "users" else (factors.movies, factors.users)
    columns = own.shape[1]
    regressors = np.concatenate([other[:, :-1], np.ones((len(other), 1), dtype=np.float32)], axis=1)
    upper = np.triu_indices(columns)
    products = regressors[:, upper[0]] * regressors[:, upper[1]]
    gradient = np.zeros((len(own), columns), dtype=np.float32)
    packed = np.zeros((len(own), products.shape[1]), dtype=np.float32)

    def of_tile(tile: Tile) -> tuple[Floats, Floats]:
        share = sigmoid(factors.logits(tile))
        error = np.float32(MAX_STARS) * share
        error -= target.teacher.tile(tile)
        slope = share * (np.float32(MAX_STARS) * (1 - share))
        weight = target.weights.tile(tile)
        weight *= slope
        error *= weight
        weight *= slope
        if side == "users":
            return error @ regressors[tile.movies], weight @ products[tile.movies]
        return error.T @ regressors[tile.users], weight.T @ products[tile.users]

    for tile, (error, weight) in zip(target.tiles, in_threads(of_tile, target.tiles), strict=True):
        ids = tile.users if side == "users" else tile.movies
        gradient[ids] += error
        packed[ids] += weight
    curvature = np.empty((len(own), columns, columns), dtype=np.float32)
    curvature[:, upper[0], upper[1]] = packed
    curvature[:, upper[1], upper[0]] = packed
    return NormalEquations(gradient, curvature)


def objective(factors: Factors, target: Target) -> float:
    """Return the weighted mean squared error against the teacher, in stars squared."""

    def of_tile(tile: Tile) -> tuple[float, float]:
        error = np.float32(MAX_STARS) * sigmoid(factors.logits(tile)) - target.teacher.tile(tile)
        weight = target.weights.tile(tile)
        return float(np.einsum("ui,ui,ui->", weight, error, error)), float(weight.sum())

    error_sum, weight_sum = np.sum(list(in_threads(of_tile, target.tiles)), axis=0)
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
