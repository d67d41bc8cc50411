"""A packed table that stays packed in memory; only the requested rows are decoded."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.families.packed_table import MAX_WIDTH, PackedTable, stream_starts
from training.families.table import Floats, Index

_LARGEST_INT32_CODES: Final = 2**28
# Rows that are decoded at a time, else; a multiple of 8, so that each tile begins at a whole byte.
TILE_ROWS: Final = 8_192


class PackedSide:
    """A packed table, with a column of ones for the other side's bias."""

    def __init__(self, packed: PackedTable, ones_at: int | None) -> None:
        """Keep the arrays of `packed`.

        Args:
            packed: The packed table.
            ones_at: Position of the column of ones in an embedding, or None if there is none.
        """
        self.packed, self.ones_at = packed, ones_at
        self._ends = list(accumulate(packed.block_sizes))
        self._first = [end - size for end, size in zip(self._ends, packed.block_sizes, strict=True)]
        self._starts = stream_starts(packed.widths, packed.block_sizes)
        self._width = packed.widths.astype(np.int64)
        self._centre = np.float32(0.5) - np.exp2(self._width - 1, dtype=np.float32)
        self._step = packed.steps.astype(np.float32)
        self.count = self._ends[-1]
        self.dim = packed.widths.shape[1] + (ones_at is not None)
        # When rows are read, the column of ones is a column of width 0 whose code, 0, decodes to 1.
        # The smallest integer type that holds every bit position keeps these arrays small.
        self._integer = np.dtype(np.int32 if packed.codes.size < _LARGEST_INT32_CODES else np.int64)
        self._row_starts = self._with_ones(self._starts, 0).astype(self._integer)
        self._row_width = self._with_ones(self._width, 0).astype(self._integer)
        self._row_mask = ((1 << self._row_width) - 1).astype(self._integer)
        self._row_centre = self._with_ones(self._centre, 1)
        self._row_step = self._with_ones(self._step, 1)
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
        constant = np.float32(0)
        if self.ones_at is not None:
            constant = vector[self.ones_at]
            vector = np.delete(vector, self.ones_at)
        found = np.empty(self.count, np.float32)
        for block, (first, end) in enumerate(zip(self._first, self._ends, strict=True)):
            weights = self._step[block] * vector
            shift = np.float32(self._centre[block] @ weights) + constant
            for start in range(first, end, TILE_ROWS):
                stop = min(start + TILE_ROWS, end)
                codes = self._codes_of_tile(block, start - first, stop - start)
                np.matmul(weights[self._width[block] > 0], codes, out=found[start:stop])
                found[start:stop] += shift
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of the codes, widths and steps."""
        return self.packed.nbytes

    def _decode(self, local: Any, block: Any) -> Floats:
        """Decode rows by position within their blocks: scalars for one row, or `(n, 1)` and `(n,)`."""
        values: Floats
        if self._whole_bytes:
            codes = self.packed.codes[self._row_starts[block] + local]
            values = (codes + self._row_centre[block]) * self._row_step[block]
            if self.ones_at is not None:
                values[..., self.ones_at] = 1
            return values
        # The arithmetic of `unpack_rows`, with everything that does not depend on the row computed once
        # beforehand, and both bytes of a code read at once.
        bit = self._row_width[block] * local
        byte = (bit >> 3) + self._row_starts[block]
        bit = (bit & 7) + 8 * (byte > self._last_word)
        code = (self._words[np.minimum(byte, self._last_word)] >> bit) & self._row_mask[block]
        values = (code.astype(np.float32) + self._row_centre[block]) * self._row_step[block]
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
