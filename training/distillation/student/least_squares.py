"""Fitting one side of a student while the other stands still: Gauss-Newton, in floats or on the codes.

The loss is the weighted squared error in stars over all pairs,

    sum_ui w_ui (5 sigmoid(s_ui) - t_ui)^2            s_ui = x_u . y_i + b_u + c_i + g

For a row z of one side, with regressors o of the other (its factors, and 1 for the bias), the model is
linearised around the present z0: with p = sigmoid(s), q = 5 p (1 - p), the row's gradient and curvature are

    gradient = sum w q (5 p - t) o                     curvature = sum w q^2 o o'

Every row of a side has its own small system; both sides are summed up over tiles of users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.packed import PackedTable
from training.compress.quantisation import best_steps, pack_table, round_to
from training.distillation.base.observed import Floats, tiles
from training.distillation.student.factors import MAX_STARS, Factors, SideName, sigmoid
from training.distillation.student.propensity import PairWeights
from training.distillation.teacher.teacher import TeacherPredictions


@dataclass(frozen=True)
class Target:
    """What a student is fitted to: the teacher's stars, what each pair counts, and the tile."""

    teacher: TeacherPredictions
    weights: PairWeights
    tile_users: int


@dataclass(frozen=True)
class NormalEquations:
    """Of every row of one side.

    Attributes:
        gradient: `(rows, columns)`.
        curvature: `(rows, columns, columns)`.
    """

    gradient: Floats
    curvature: Floats

    @property
    def diagonal(self) -> Floats:
        """`(rows, columns)` curvature along each column alone."""
        return np.ascontiguousarray(np.diagonal(self.curvature, axis1=1, axis2=2))


@dataclass(frozen=True)
class Widths:
    """How a side is packed.

    Attributes:
        block_sizes: Rows of each block.
        widths: `(blocks, columns)` bits, 0 for a dropped column.
    """

    block_sizes: tuple[int, ...]
    widths: NDArray[np.uint8]

    def by_row(self) -> NDArray[np.uint8]:
        """`(rows, columns)` bits of each value."""
        return np.repeat(self.widths, self.block_sizes, axis=0)

    def pack(self, table: Floats, steps: Floats) -> PackedTable:
        """The table with the nearest codes."""
        return pack_table(table, self.widths, steps, self.block_sizes)


def normal_equations(factors: Factors, target: Target, side: SideName) -> NormalEquations:
    """Gradient and curvature of every row of a side."""
    own, other = (factors.users, factors.movies) if side == "users" else (factors.movies, factors.users)
    columns = own.shape[1]
    regressors = np.concatenate([other[:, :-1], np.ones((len(other), 1), dtype=np.float32)], axis=1)
    upper = np.triu_indices(columns)
    products = regressors[:, upper[0]] * regressors[:, upper[1]]
    gradient = np.zeros((len(own), columns), dtype=np.float32)
    packed = np.zeros((len(own), products.shape[1]), dtype=np.float32)
    for rows in tiles(len(factors.users), target.tile_users):
        share = sigmoid(factors.logits(rows))
        error = np.float32(MAX_STARS) * share - target.teacher.tile(rows)
        slope = np.float32(MAX_STARS) * share * (1 - share)
        weight = target.weights.tile(rows)
        weight *= slope
        error *= weight
        weight *= slope
        if side == "users":
            gradient[rows] = error @ regressors
            packed[rows] = weight @ products
        else:
            gradient += error.T @ regressors[rows]
            packed += weight.T @ products[rows]
    curvature = np.empty((len(own), columns, columns), dtype=np.float32)
    curvature[:, upper[0], upper[1]] = packed
    curvature[:, upper[1], upper[0]] = packed
    return NormalEquations(gradient, curvature)


def objective(factors: Factors, target: Target) -> float:
    """Weighted mean squared error against the teacher, in stars squared."""
    error_sum = weight_sum = 0.0
    for rows in tiles(len(factors.users), target.tile_users):
        error = np.float32(MAX_STARS) * sigmoid(factors.logits(rows)) - target.teacher.tile(rows)
        weight = target.weights.tile(rows)
        error_sum += float(np.einsum("ui,ui,ui->", weight, error, error))
        weight_sum += float(weight.sum())
    return error_sum / weight_sum


def float_step(factors: Factors, target: Target, side: SideName, ridge: float) -> Factors:
    """One Gauss-Newton step of a side in floats."""
    present = factors.side(side)
    equations = normal_equations(factors, target, side)
    damped = _damped(equations.curvature, ridge)
    moved = present - np.linalg.solve(damped, equations.gradient[:, :, None])[:, :, 0]
    return factors.moved(side, moved.astype(np.float32))


def packed_step(
    factors: Factors, target: Target, side: SideName, layout: Widths, *, ridge: float, code_sweeps: int
) -> tuple[Factors, Floats]:
    """One step of a side on its codes.

    The best floats of each row are found, the steps are chosen anew for them, and they are rounded. Then
    coordinate descent goes over each row's columns, the bias first and then the least telling factor: each
    code in turn takes the value that is best given the others, so that one column makes up for another's
    rounding.

    Args:
        factors: The student; the side's values are what codes stand for.
        target: What it is fitted to.
        side: Which side moves.
        layout: Its blocks and widths.
        ridge: Added to each row's diagonal, as a part of its mean.
        code_sweeps: Passes of coordinate descent.

    Returns:
        The student, and the side's `(blocks, columns)` steps.
    """
    present = factors.side(side)
    equations = normal_equations(factors, target, side)
    curvature = _damped(equations.curvature, ridge)
    columns = np.arange(present.shape[1])
    widths = layout.by_row()
    kept = (widths > 0).astype(np.float32)
    # A dropped column stands still at 0: its row and column leave the system.
    free = curvature * kept[:, :, None] * kept[:, None, :]
    mean = equations.diagonal.mean(axis=1, keepdims=True)
    free[:, columns, columns] += (1 - kept) * mean
    best = (present - np.linalg.solve(free, (equations.gradient * kept)[:, :, None])[:, :, 0]) * kept
    steps = best_steps(best, layout.widths, layout.block_sizes, equations.diagonal)
    row_steps = np.repeat(steps, layout.block_sizes, axis=0)
    chosen = round_to(best, row_steps, widths)
    diagonal = curvature[:, columns, columns]
    # The quadratic's gradient at what was chosen.
    slope = equations.gradient + np.einsum("nij,nj->ni", curvature, chosen - present)
    for _ in range(code_sweeps):
        for column in columns[::-1]:
            wanted = chosen[:, column] - slope[:, column] / diagonal[:, column]
            rounded = round_to(wanted, row_steps[:, column], widths[:, column])
            slope += curvature[:, :, column] * (rounded - chosen[:, column])[:, None]
            chosen[:, column] = rounded
    return factors.moved(side, chosen), steps


def _damped(curvature: Floats, ridge: float) -> Floats:
    columns = np.arange(curvature.shape[1])
    mean = curvature[:, columns, columns].mean(axis=1, keepdims=True)
    damped = curvature.copy()
    damped[:, columns, columns] += np.float32(ridge) * mean + np.float32(1e-12)
    return damped
