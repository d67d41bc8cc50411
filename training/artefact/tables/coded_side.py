"""A table of at most 8 bits a value with a whole byte for each: larger than packed, and read at once."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np

from training.artefact.packed import PackedTable, unpack_rows
from training.artefact.tables.side import Floats, Index

# A value is (code + 1/2) * step, where 0 is the middle of all codes.
_HALF: Final = np.float32(0.5)


class CodedSide:
    """A small packed table, unpacked to codes by row, with a column of ones where the other side has a bias.

    The values are those of the packed table, bit for bit.
    """

    def __init__(self, packed: PackedTable, ones_at: int | None) -> None:
        """Take the values of `packed`, whose arrays are not held.

        Args:
            packed: The table.
            ones_at: Where in an embedding the column of ones is, or None.
        """
        sizes, columns = packed.block_sizes, packed.widths.shape[1]
        self.count, self.dim = sum(sizes), columns + (ones_at is not None)
        own = np.delete(np.arange(self.dim), [] if ones_at is None else ones_at)
        # The column of ones: code 0 in steps of 2.
        self._codes = np.zeros((self.count, self.dim), np.int8)
        self._steps = np.full((len(sizes), self.dim), 2, np.float32)
        # In steps of 1 each value is a code and a half.
        unit = np.ones_like(packed.steps)
        halves = unpack_rows(np.arange(self.count), packed.codes, packed.widths, unit, sizes)
        self._codes[:, own] = np.floor(halves)
        # A dropped column is all zeros, whatever its step.
        self._steps[:, own] = np.where(packed.widths, packed.steps, np.float16(0))
        self._ends = np.cumsum(sizes).tolist()
        self._block_of = np.repeat(np.arange(len(sizes), dtype=np.min_scalar_type(len(sizes))), sizes)

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index."""
        row: Floats = (self._codes[index] + _HALF) * self._steps[bisect_right(self._ends, index)]
        return row

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices."""
        rows: Floats = self._codes.take(index, axis=0) + _HALF
        rows *= self._steps.take(self._block_of.take(index), axis=0)
        return rows

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector."""
        found = np.empty(self.count, np.float32)
        weights = self._steps * vector
        first = 0
        for end, own, shift in zip(self._ends, weights, (_HALF * weights).sum(axis=1), strict=True):
            block = found[first:end]
            np.dot(self._codes[first:end].astype(np.float32), own, out=block)
            block += shift
            first = end
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of codes, steps and the rows' blocks."""
        return self._codes.nbytes + self._steps.nbytes + self._block_of.nbytes
