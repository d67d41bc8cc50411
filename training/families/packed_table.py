"""Packed tables in NumPy: the layout of the byte stream, packing and unpacking.

A table of `n` rows is divided into blocks of consecutive rows, by popularity. Each (block, column) has its
own bit width, 0 to 8, and its own step, so popular rows and informative columns can get more bits:

    value = (code - 2 ** (width - 1) + 1/2) * step          code in 0 .. 2 ** width - 1

This is the mid-rise uniform quantiser: one bit encodes plus or minus half a step, and no code encodes 0.
Width 0 drops the column from the block: its values are 0 and take no space.

The codes of one (block, column) form a bit stream, lowest bit first, that starts at a byte boundary. Streams
are concatenated block by block, and column by column within a block. A block whose size is a multiple of 8
wastes no bits.

`training.layers.PackedEmbedding` does the same arithmetic in Keras. Both agree bit for bit, because the
product of numbers of 9 and 11 significant bits is exact in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_WIDTH: Final = 8
_ROWS_AT_A_TIME: Final = 65_536


@dataclass(frozen=True)
class PackedTable:
    """A quantised table.

    Attributes:
        block_sizes: Rows of each block, in order.
        widths: `(blocks, columns)` uint8 bits of each code, 0 for a dropped column.
        steps: `(blocks, columns)` float16 distance between neighbouring values; 0 where the width is 0.
        codes: `(bytes,)` uint8, all streams concatenated.
    """

    block_sizes: tuple[int, ...]
    widths: NDArray[np.uint8]
    steps: NDArray[np.float16]
    codes: NDArray[np.uint8]

    def __post_init__(self) -> None:
        check_layout(self.block_sizes, self.widths, self.steps, self.codes)

    @property
    def nbytes(self) -> int:
        """Bytes of all three arrays."""
        return int(self.widths.nbytes + self.steps.nbytes + self.codes.nbytes)

    @property
    def parameter_count(self) -> int:
        """Number of logical scalars: the kept values, before packing, and their steps."""
        return kept_values(self.widths, self.block_sizes) + int(np.count_nonzero(self.widths))

    def rows(self, index: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the `(n, columns)` values at `(n,)` row indices, all within the table."""
        return unpack_rows(index, self.codes, self.widths, self.steps, self.block_sizes)

    def values(self) -> NDArray[np.float32]:
        """Return the whole table, `(rows, columns)`."""
        return self.rows(np.arange(sum(self.block_sizes)))

    def column(self, place: int) -> NDArray[np.float32]:
        """Return one column, `(rows,)`, decoded in tiles; no other column is read."""
        sizes = stream_bytes(self.widths, self.block_sizes)[:, place].tolist()
        starts = stream_starts(self.widths, self.block_sizes)[:, place].tolist()
        streams = [self.codes[start : start + size] for start, size in zip(starts, sizes, strict=True)]
        own = slice(place, place + 1)
        alone = PackedTable(
            self.block_sizes, self.widths[:, own], self.steps[:, own], np.concatenate(streams)
        )
        values = np.empty(sum(self.block_sizes), np.float32)
        for start in range(0, values.size, _ROWS_AT_A_TIME):
            stop = min(start + _ROWS_AT_A_TIME, values.size)
            values[start:stop] = alone.rows(np.arange(start, stop))[:, 0]
        return values


def stream_bytes(widths: NDArray[Any], block_sizes: Sequence[int]) -> NDArray[np.int64]:
    """Return the `(blocks, columns)` number of bytes of each stream of codes."""
    bits = np.asarray(block_sizes, dtype=np.int64)[:, None] * widths
    rounded: NDArray[np.int64] = (bits + 7) // 8
    return rounded


def stream_starts(widths: NDArray[Any], block_sizes: Sequence[int]) -> NDArray[np.int64]:
    """Return the `(blocks, columns)` position of the first byte of each stream."""
    sizes = stream_bytes(widths, block_sizes)
    ends = np.cumsum(sizes.ravel()).reshape(sizes.shape)
    starts: NDArray[np.int64] = ends - sizes
    return starts


def kept_values(widths: NDArray[Any], block_sizes: Sequence[int]) -> int:
    """Return the number of kept values: rows times kept columns, summed over blocks."""
    return int(np.asarray(block_sizes) @ np.count_nonzero(widths, axis=1))


def check_layout(
    block_sizes: Sequence[int], widths: NDArray[Any], steps: NDArray[Any], codes: NDArray[Any]
) -> None:
    """Check that the arrays of a packed table are consistent.

    Raises:
        ValueError: If they do not describe one table.
    """
    blocks = len(block_sizes)
    if widths.dtype != np.uint8 or steps.dtype != np.float16 or codes.dtype != np.uint8:
        raise ValueError("widths and codes must be uint8, steps float16")
    if widths.ndim != 2 or widths.shape[0] != blocks or steps.shape != widths.shape or codes.ndim != 1:
        raise ValueError(f"widths and steps must have one row for each of the {blocks} blocks")
    if widths.size and int(widths.max()) > MAX_WIDTH:
        raise ValueError(f"a width is {int(widths.max())}; the largest legal width is {MAX_WIDTH}")
    wanted = int(stream_bytes(widths, block_sizes).sum())
    if codes.size != wanted:
        raise ValueError(f"the widths need {wanted} bytes of codes, but there are {codes.size}")


def pack(
    codes: NDArray[np.integer], widths: NDArray[np.uint8], block_sizes: Sequence[int]
) -> NDArray[np.uint8]:
    """Return the byte stream of a table of codes.

    Args:
        codes: `(rows, columns)`, each in 0 .. 2 ** width - 1; ignored if the width is 0.
        widths: `(blocks, columns)` bits of each code.
        block_sizes: Rows of each block.

    Raises:
        ValueError: If a code does not fit its width.
    """
    streams = []
    start = 0
    for size, block_widths in zip(block_sizes, widths, strict=True):
        block = codes[start : start + size]
        start += size
        for column, width in enumerate(block_widths.tolist()):
            if not width:
                continue
            stream = block[:, column]
            if size and not 0 <= int(stream.min()) <= int(stream.max()) < 2**width:
                raise ValueError(f"a code of column {column} does not fit {width} bits")
            bits = np.unpackbits(stream.astype(np.uint8)[:, None], axis=1, count=width, bitorder="little")
            streams.append(np.packbits(bits.ravel(), bitorder="little"))
    return np.concatenate(streams) if streams else np.empty(0, dtype=np.uint8)


def unpack_rows(
    index: NDArray[np.integer],
    codes: NDArray[np.uint8],
    widths: NDArray[np.uint8],
    steps: NDArray[np.float16],
    block_sizes: Sequence[int],
) -> NDArray[np.float32]:
    """Decode some rows; no other row is decoded, and at most two bytes are read per value.

    Args:
        index: `(n,)` rows, all within the table.
        codes: `(bytes,)` returned by `pack`.
        widths: `(blocks, columns)` bits of each code.
        steps: `(blocks, columns)` distance between adjacent values.
        block_sizes: Rows of each block.

    Returns:
        `(n, columns)` float32.
    """
    ends = np.cumsum(np.asarray(block_sizes, dtype=np.int64))
    block = np.searchsorted(ends, index, side="right")
    first_row = ends - np.asarray(block_sizes)
    width = widths[block].astype(np.int64)
    bit = (np.asarray(index) - first_row[block])[:, None] * width
    byte = stream_starts(widths, block_sizes)[block] + bit // 8
    if not codes.size:
        return np.zeros(width.shape, dtype=np.float32)
    last = codes.size - 1
    # The second byte may belong to the next stream; the mask drops all bits outside the code.
    word = codes[np.minimum(byte, last)] | codes[np.minimum(byte + 1, last)].astype(np.int64) << 8
    code = (word >> (bit % 8)) & ((1 << width) - 1)
    # This is exact for width 0 too, because the step is 0.
    centred = code.astype(np.float32) - np.exp2(width - 1, dtype=np.float32) + np.float32(0.5)
    values: NDArray[np.float32] = centred * steps[block].astype(np.float32)
    return values
