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

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.families.table import Floats, Index, SideTable

MAX_WIDTH: Final = 8
# Rows that are decoded at a time in a product; a multiple of 8, so that each tile begins at a whole byte.
TILE_ROWS: Final = 8_192
_LARGEST_INT32_CODES: Final = 2**28


@dataclass(frozen=True)
class PackedTable:
    """A quantised table.

    Attributes:
        block_sizes: Rows of each block, in order.
        widths: `(blocks, columns)` uint8 bits of each code, 0 for a dropped column.
        steps: `(blocks, columns)` float16 distance between neighbouring values; 0 where the width is 0.
        codes: `(bytes,)` uint8, all streams concatenated.

    Raises:
        ValueError: If the arrays do not describe one table.
    """

    block_sizes: tuple[int, ...]
    widths: NDArray[np.uint8]
    steps: NDArray[np.float16]
    codes: NDArray[np.uint8]

    def __post_init__(self) -> None:
        blocks, widths, steps = len(self.block_sizes), self.widths, self.steps
        if widths.dtype != np.uint8 or steps.dtype != np.float16 or self.codes.dtype != np.uint8:
            raise ValueError("widths and codes must be uint8, steps float16")
        if (
            widths.ndim != 2
            or widths.shape[0] != blocks
            or steps.shape != widths.shape
            or self.codes.ndim != 1
        ):
            raise ValueError(f"widths and steps must have one row for each of the {blocks} blocks")
        if widths.size and int(widths.max()) > MAX_WIDTH:
            raise ValueError(f"a width is {int(widths.max())}; the largest legal width is {MAX_WIDTH}")
        wanted = int(stream_bytes(widths, self.block_sizes).sum())
        if self.codes.size != wanted:
            raise ValueError(f"the widths need {wanted} bytes of codes, but there are {self.codes.size}")

    @property
    def nbytes(self) -> int:
        """Bytes of all three arrays."""
        return int(self.widths.nbytes + self.steps.nbytes + self.codes.nbytes)

    @property
    def parameter_count(self) -> int:
        """Number of logical scalars: the kept values, before packing, and their steps."""
        return kept_values(self.widths, self.block_sizes) + int(np.count_nonzero(self.widths))

    def values(self) -> NDArray[np.float32]:
        """Return the whole table, `(rows, columns)`."""
        return PackedSide(self, None).rows(np.arange(sum(self.block_sizes)))

    def column(self, place: int) -> NDArray[np.float32]:
        """Return one column, `(rows,)`; no other column is read."""
        sizes = stream_bytes(self.widths, self.block_sizes)[:, place].tolist()
        starts = stream_starts(self.widths, self.block_sizes)[:, place].tolist()
        streams = [self.codes[start : start + size] for start, size in zip(starts, sizes, strict=True)]
        own = slice(place, place + 1)
        codes = np.concatenate(streams)
        alone = PackedTable(self.block_sizes, self.widths[:, own], self.steps[:, own], codes)
        return PackedSide(alone, None).products(np.ones(1, np.float32))


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


class PackedSide(SideTable):
    """A packed table that stays packed in memory; only the requested rows are decoded.

    It may have a column of ones for the other side's bias.
    """

    def __init__(self, packed: PackedTable, ones_at: int | None) -> None:
        """Keep the arrays of `packed`.

        Args:
            packed: The packed table.
            ones_at: Position of the column of ones in an embedding, or None if there is none.
        """
        dim = packed.widths.shape[1] + (ones_at is not None)
        super().__init__(sum(packed.block_sizes), dim, [packed.codes, packed.widths, packed.steps])
        self.packed, self.ones_at = packed, ones_at
        self._ends = list(accumulate(packed.block_sizes))
        self._first = [end - size for end, size in zip(self._ends, packed.block_sizes, strict=True)]
        # The column of ones is a column of width 0 whose code, 0, decodes to 1.
        # The smallest integer type that holds every bit position keeps these arrays small.
        self._integer = np.dtype(np.int32 if packed.codes.size < _LARGEST_INT32_CODES else np.int64)
        starts, width = stream_starts(packed.widths, packed.block_sizes), packed.widths.astype(np.int64)
        centre = np.float32(0.5) - np.exp2(width - 1, dtype=np.float32)
        self._starts = self._with_ones(starts, 0).astype(self._integer)
        self._width = self._with_ones(width, 0).astype(self._integer)
        self._mask = ((1 << self._width) - 1).astype(self._integer)
        self._centre = self._with_ones(centre, 1)
        self._step = self._with_ones(packed.steps.astype(np.float32), 1)
        self._words = _words(packed.codes)
        self._last_word = self._words.size - 1
        self._whole_bytes = bool(np.all(packed.widths == MAX_WIDTH))

    def row(self, index: int) -> Floats:
        """`(dim,)` The embedding at one index."""
        block = bisect_right(self._ends, index)
        return self._decode(index - self._first[block], block)

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` The embeddings at `(n,)` indices."""
        index = np.asarray(index, self._integer)
        if len(self._ends) == 1:
            return self._decode(index[:, None], 0)
        block = np.searchsorted(self._ends, index, side="right")
        local = index - np.asarray(self._first, self._integer)[block]
        return self._decode(local[:, None], block)

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector."""
        found = np.empty(self.count, np.float32)
        for block, (first, end) in enumerate(zip(self._first, self._ends, strict=True)):
            weights = self._step[block] * vector
            shift = np.float32(self._centre[block] @ weights)
            for start in range(first, end, TILE_ROWS):
                stop = min(start + TILE_ROWS, end)
                codes = self._codes_of_tile(block, start - first, stop - start)
                np.matmul(weights[self._width[block] > 0], codes, out=found[start:stop])
                found[start:stop] += shift
        return found

    def _decode(self, local: Any, block: Any) -> Floats:
        """Decode rows by position within their blocks: scalars for one row, or `(n, 1)` and `(n,)`."""
        values: Floats
        if self._whole_bytes:
            codes = self.packed.codes[self._starts[block] + local]
            values = (codes + self._centre[block]) * self._step[block]
            if self.ones_at is not None:
                values[..., self.ones_at] = 1
            return values
        # Both bytes of a code are read at once.
        bit = self._width[block] * local
        byte = (bit >> 3) + self._starts[block]
        bit = (bit & 7) + 8 * (byte > self._last_word)
        code = (self._words[np.minimum(byte, self._last_word)] >> bit) & self._mask[block]
        values = (code.astype(np.float32) + self._centre[block]) * self._step[block]
        return values

    def _with_ones(self, columns: NDArray[Any], value: int) -> NDArray[Any]:
        return columns if self.ones_at is None else np.insert(columns, self.ones_at, value, axis=1)

    def _codes_of_tile(self, block: int, first: int, count: int) -> Floats:
        """Return `(kept columns, count)` codes of consecutive rows of a block; `first` is a multiple of 8."""
        widths = self._width[block]
        kept = np.flatnonzero(widths)
        tile = np.empty((kept.size, count), np.float32)
        for place, column in enumerate(kept.tolist()):
            width = int(widths[column])
            start = int(self._starts[block, column]) + first // 8 * width
            stream = self.packed.codes[start : start + (count * width + 7) // 8]
            tile[place] = _unpack_stream(stream, width, count)
        return tile


def _words(codes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return the 16-bit word that starts at each byte except the last."""
    if codes.size < 2:
        codes = np.concatenate([codes, np.zeros(2, np.uint8)])
    return np.ndarray(codes.size - 1, np.dtype("<u2"), codes, strides=(1,))


def _unpack_stream(stream: NDArray[np.uint8], width: int, count: int) -> NDArray[np.uint8]:
    """Return `(count,)` codes of `width` bits each, stored lowest bit first."""
    if width == 8:
        return stream[:count]
    # Eight codes take `width` bytes, and code i of every such group is at the same bit position.
    groups = -(-count // 8)
    filled = np.zeros(groups * width, np.uint8)
    filled[: stream.size] = stream
    by_group = filled.reshape(groups, width)
    codes = np.empty((groups, 8), np.uint8)
    for place in range(8):
        byte, bit = divmod(place * width, 8)
        code = by_group[:, byte] >> bit
        if bit + width > 8:
            code = code | (by_group[:, byte + 1] << (8 - bit))
        codes[:, place] = code & (2**width - 1)
    return codes.reshape(-1)[:count]
