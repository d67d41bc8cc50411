"""Which column of which block gets how many bits, under a limit of bytes, of parameters, or of both."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.packed import MAX_WIDTH

# Widths that one move may go up at once: a first bit alone may buy too little to be taken.
_LOOK_AHEAD: Final = 3


@dataclass(frozen=True)
class Room:
    """What is left to spend: bytes of codes, and logical parameters; None is without limit."""

    code_bytes: int | None
    parameters: int | None

    def holds(self, code_bytes: int, parameters: int) -> bool:
        """Whether so much fits."""
        return (self.code_bytes is None or code_bytes <= self.code_bytes) and (
            self.parameters is None or parameters <= self.parameters
        )


@dataclass
class _Table:
    """One table while its widths grow."""

    distortion: NDArray[np.float64]
    sizes: Sequence[int]
    widths: NDArray[np.uint8]

    def code_bytes(self, block: int, width: int) -> int:
        return (self.sizes[block] * width + 7) // 8

    def price(self, block: int, column: int, width: int) -> tuple[int, int]:
        """Bytes and parameters that going up to `width` takes; a first bit also brings the step."""
        now = int(self.widths[block, column])
        extra = self.code_bytes(block, width) - self.code_bytes(block, now)
        return extra, 0 if now else self.sizes[block] + 1

    def gain(self, block: int, column: int, width: int) -> float:
        now = int(self.widths[block, column])
        return float(self.distortion[block, column, now] - self.distortion[block, column, width])


def allocate_widths(
    distortions: Sequence[NDArray[np.float64]],
    block_sizes: Sequence[Sequence[int]],
    room: Room,
    least: Sequence[NDArray[np.uint8]] | None = None,
) -> list[NDArray[np.uint8]]:
    """Widths of the least distortion that a greedy search finds within the room.

    Time and again the move that takes away most distortion a byte is made: some (block, column) of some
    table going up by one to three bits. A move that no longer fits is tried with one bit, then left. This
    is the reverse water-filling of rate-distortion theory (Cover & Thomas, "Elements of Information
    Theory", section 10.3), on the distortion that was measured instead of a Gaussian's.

    Args:
        distortions: Of each table `(blocks, columns, 9)`, as `measured_distortion` gives it.
        block_sizes: Of each table, rows of each block.
        room: What the codes, and the kept values with their steps, may take.
        least: Of each table `(blocks, columns)` widths to start from, which must fit; 0 by default.

    Returns:
        Of each table `(blocks, columns)` widths, 0 for a dropped column.
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
        table = tables[place]
        now = int(table.widths[block, column])
        moves = []
        for width in range(now + 1, min(now + _LOOK_AHEAD, MAX_WIDTH) + 1):
            price = _price_in_bytes(table, block, column, width)
            moves.append((table.gain(block, column, width) / price, width))
        if moves:
            gain, width = max(moves)
            heapq.heappush(heap, (-gain, place, block, column, width))

    for place, table in enumerate(tables):
        for block, column in np.ndindex(table.widths.shape):
            offer(place, block, column)
    while heap:
        _, place, block, column, width = heapq.heappop(heap)
        table = tables[place]
        for wanted in (width, int(table.widths[block, column]) + 1):
            code_bytes, parameters = table.price(block, column, wanted)
            if room.holds(used_bytes + code_bytes, used_parameters + parameters):
                used_bytes, used_parameters = used_bytes + code_bytes, used_parameters + parameters
                table.widths[block, column] = wanted
                offer(place, block, column)
                break
    return [table.widths for table in tables]


def _price_in_bytes(table: _Table, block: int, column: int, width: int) -> float:
    # Two bytes for the step make a first bit dearer than the next.
    now = int(table.widths[block, column])
    return table.price(block, column, width)[0] + 2 * (now == 0) or 0.125
