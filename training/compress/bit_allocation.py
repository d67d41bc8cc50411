"""Allocate bits to the columns of each block within a limit on bytes, on parameters, or on both."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.families.packed_table import MAX_WIDTH

# Largest increase of a width in one move: a first bit alone may reduce the distortion too little.
_LOOK_AHEAD: Final = 3


@dataclass(frozen=True)
class CodeBudget:
    """Limits on the bytes of codes and on the number of logical parameters; None for no limit."""

    code_bytes: int | None
    parameters: int | None

    def allows(self, code_bytes: int, parameters: int) -> bool:
        """Return whether this many bytes and parameters are within the limits."""
        return (self.code_bytes is None or code_bytes <= self.code_bytes) and (
            self.parameters is None or parameters <= self.parameters
        )


@dataclass
class _Table:
    """A table and its current widths."""

    distortion: NDArray[np.float64]
    sizes: Sequence[int]
    widths: NDArray[np.uint8]

    def price(self, block: int, column: int, width: int) -> tuple[int, int]:
        """Return the bytes and parameters that `width` adds; a first bit also adds the step."""
        size, now = self.sizes[block], int(self.widths[block, column])
        return (size * width + 7) // 8 - (size * now + 7) // 8, 0 if now else size + 1

    def best_move(self, block: int, column: int) -> tuple[float, int] | None:
        """Return the gain per byte and the width of the best increase; None at the largest width."""
        now = int(self.widths[block, column])
        distortion = self.distortion[block, column]
        moves = []
        for width in range(now + 1, min(now + _LOOK_AHEAD, MAX_WIDTH) + 1):
            # The two bytes of the step make a first bit more expensive than the next.
            price = self.price(block, column, width)[0] + 2 * (now == 0) or 0.125
            moves.append((float(distortion[now] - distortion[width]) / price, width))
        return max(moves, default=None)


def allocate_widths(
    distortions: Sequence[NDArray[np.float64]],
    block_sizes: Sequence[Sequence[int]],
    budget: CodeBudget,
    least: Sequence[NDArray[np.uint8]] | None = None,
) -> list[NDArray[np.uint8]]:
    """Find bit widths of small distortion within a budget, by greedy search.

    Each move increases the width of one (block, column) of one table by one to three bits; the search always
    takes the move that removes the most distortion per byte. A move that exceeds the budget is retried with
    one bit, and otherwise skipped. This is the reverse water-filling of rate-distortion theory (Cover &
    Thomas, "Elements of Information Theory", section 10.3), with the measured distortion in place of that of
    a Gaussian.

    Args:
        distortions: `(blocks, columns, 9)` for each table, from `measured_distortion`.
        block_sizes: Rows of each block, for each table.
        budget: Limits on the codes, and on the kept values with their steps.
        least: `(blocks, columns)` initial widths for each table, within the budget; 0 by default.

    Returns:
        `(blocks, columns)` widths for each table; 0 for a dropped column.
    """
    tables = [
        _Table(distortion, sizes, np.zeros(distortion.shape[:2], dtype=np.uint8))
        for distortion, sizes in zip(distortions, block_sizes, strict=True)
    ]
    used_bytes = used_parameters = 0
    for table, start in zip(tables, least or [table.widths for table in tables], strict=True):
        for block, column in zip(*np.nonzero(start), strict=True):
            code_bytes, parameters = table.price(block, column, int(start[block, column]))
            used_bytes, used_parameters = used_bytes + code_bytes, used_parameters + parameters
        table.widths = start.copy()
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(place: int, block: int, column: int) -> None:
        move = tables[place].best_move(block, column)
        if move is not None:
            heapq.heappush(heap, (-move[0], place, block, column, move[1]))

    for place, table in enumerate(tables):
        for block, column in np.ndindex(table.widths.shape):
            offer(place, block, column)
    while heap:
        _, place, block, column, width = heapq.heappop(heap)
        table = tables[place]
        for wanted in (width, int(table.widths[block, column]) + 1):
            code_bytes, parameters = table.price(block, column, wanted)
            if budget.allows(used_bytes + code_bytes, used_parameters + parameters):
                used_bytes, used_parameters = used_bytes + code_bytes, used_parameters + parameters
                table.widths[block, column] = wanted
                offer(place, block, column)
                break
    return [table.widths for table in tables]
