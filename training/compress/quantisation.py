"""Quantise float tables to few bits: codes, steps and distortion. All functions are pure.

The quantiser is the mid-rise uniform one of `training.families.packed_table`: `2 ** width` values, half a
step away from 0 on either side, clipped at the ends. `bit_allocation` chooses the bits of each column.

Keras's own quantisation is not used for tables. It supports 8 and 4 bits with a float32 scale per row (4 to 5
more bytes per row, as much as a row of a narrow table), and nothing below 4 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.families.packed_table import MAX_WIDTH, PackedTable, pack
from training.families.table import Floats

# Candidate steps, as multiples of (root mean square / half the number of levels).
_STEP_GRID: Final = np.geomspace(0.3, 6.0, 40)
_SMALLEST_STEP: Final = np.float32(2.0**-14)  # the smallest normal float16
# From this width on, each further bit is assumed to quarter the distortion, as it does at high resolution.
_FINE_WIDTH: Final = 7


def encode(values: Floats, steps: Any, widths: Any) -> NDArray[np.uint8]:
    """Return the nearest codes of values; all arguments broadcast. Width 0 gives code 0."""
    half = np.exp2(np.asarray(widths, dtype=np.float32) - 1)
    level = np.floor(values / np.maximum(steps, _SMALLEST_STEP))
    codes: NDArray[np.uint8] = np.where(
        np.asarray(widths) > 0, np.clip(level + half, 0, 2 * half - 1), 0
    ).astype(np.uint8)
    return codes


def round_to(values: Floats, steps: Any, widths: Any) -> Floats:
    """Return values rounded to their nearest codes and decoded; 0 where the width is 0."""
    half = np.exp2(np.asarray(widths, dtype=np.float32) - 1)
    centred = encode(values, steps, widths).astype(np.float32) - half + np.float32(0.5)
    rounded: Floats = (centred * np.where(np.asarray(widths) > 0, steps, 0)).astype(np.float32)
    return rounded


def best_step(values: Floats, width: int, weights: Floats | None = None) -> np.float32:
    """Return the step, representable in float16, with the smallest weighted squared error.

    Args:
        values: `(n,)`.
        width: Bits, at least 1.
        weights: `(n,)` weight of each value's squared error; equal by default.
    """
    if weights is None:
        weights = np.ones_like(values)
    total = float(weights.sum())
    spread = np.sqrt(float(weights @ (values * values)) / total) if total > 0 else 0.0
    unit = spread / 2.0 ** (width - 1)
    best, least = _SMALLEST_STEP, np.inf
    for multiple in _STEP_GRID:
        step = max(np.float32(np.float16(multiple * unit)), _SMALLEST_STEP)
        error = values - round_to(values, step, width)
        cost = float(weights @ (error * error))
        if cost < least:
            best, least = step, cost
    return best


def pack_table(
    table: Floats, widths: NDArray[np.uint8], steps: Floats, block_sizes: Sequence[int]
) -> PackedTable:
    """Pack a table with the nearest codes.

    Args:
        table: `(rows, columns)`.
        widths: `(blocks, columns)` bits.
        steps: `(blocks, columns)`, each representable in float16.
        block_sizes: Rows of each block.
    """
    kept_steps = np.where(widths > 0, steps, 0).astype(np.float16)
    row_steps = np.repeat(kept_steps.astype(np.float32), block_sizes, axis=0)
    codes = encode(table, row_steps, np.repeat(widths, block_sizes, axis=0))
    return PackedTable(tuple(block_sizes), widths, kept_steps, pack(codes, widths, block_sizes))


def blocks_of(block_sizes: Sequence[int]) -> Iterator[slice]:
    """Yield the rows of each block."""
    start = 0
    for size in block_sizes:
        yield slice(start, start + size)
        start += size


def best_steps(
    table: Floats, widths: NDArray[np.uint8], block_sizes: Sequence[int], weights: Floats | None = None
) -> Floats:
    """Return the `(blocks, columns)` steps with the smallest weighted squared error; 1 where the width is 0.

    Args:
        table: `(rows, columns)`.
        widths: `(blocks, columns)` bits.
        block_sizes: Rows of each block.
        weights: `(rows, columns)` weight of each value's squared error.
    """
    steps = np.ones(widths.shape, dtype=np.float32)
    for place, rows in enumerate(blocks_of(block_sizes)):
        for column in np.flatnonzero(widths[place]):
            cost = None if weights is None else weights[rows, column]
            steps[place, column] = best_step(table[rows, column], int(widths[place, column]), cost)
    return steps


def measured_distortion(table: Floats, weights: Floats, block_sizes: Sequence[int]) -> NDArray[np.float64]:
    """Measure the distortion of each column of each block at each width.

    Args:
        table: `(rows, columns)`.
        weights: `(rows, columns)` weight of each value's squared error, such as the curvature of a loss.
        block_sizes: Rows of each block.

    Returns:
        `(blocks, columns, 9)` weighted squared error at widths 0 (dropped) to 8.
    """
    cost = np.zeros((len(block_sizes), table.shape[1], MAX_WIDTH + 1))
    for place, rows in enumerate(blocks_of(block_sizes)):
        for column in range(table.shape[1]):
            values, weight = table[rows, column], weights[rows, column]
            cost[place, column, 0] = weight @ (values * values)
            for width in range(1, MAX_WIDTH + 1):
                if width >= _FINE_WIDTH:
                    cost[place, column, width] = cost[place, column, width - 1] / 4
                else:
                    error = values - round_to(values, best_step(values, width, weight), width)
                    cost[place, column, width] = weight @ (error * error)
    return cost
