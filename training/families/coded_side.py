"""A table of at most 8 bits a value with a whole byte for each: larger than packed, and read at once."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.families.packed_table import MAX_WIDTH, PackedTable, unpack_rows
from training.families.table import Floats, Index

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
        # In steps of 1 each value is a whole number and a half, and twice that is odd. A byte holds the odd
        # number of a code of up to 7 bits, but of a code of 8 bits only the whole number.
        halves = unpack_rows(
            np.arange(self.count), packed.codes, packed.widths, np.ones_like(packed.steps), sizes
        )
        self._is_odd = bool(np.all(packed.widths < MAX_WIDTH))
        # The column of ones is 1 * 1, or (0 + 1/2) * 2.
        self._codes = np.full((self.count, self.dim), 1 if self._is_odd else 0, np.int8)
        self._codes[:, own] = 2 * halves if self._is_odd else np.floor(halves)
        # A dropped column is all zeros, whatever its step.
        self._steps = np.full((len(sizes), self.dim), 1 if self._is_odd else 2, np.float32)
        steps = np.where(packed.widths, packed.steps, np.float16(0)).astype(np.float32)
        self._steps[:, own] = steps * _HALF if self._is_odd else steps
        self._ends = np.cumsum(sizes).tolist()
        self._block_of = np.repeat(np.arange(len(sizes), dtype=np.min_scalar_type(len(sizes))), sizes)

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index."""
        return self._values(self._codes[index], self._steps[bisect_right(self._ends, index)])

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices."""
        steps = self._steps.take(self._block_of.take(index), axis=0)
        return self._values(self._codes.take(index, axis=0), steps)

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector."""
        found = np.empty(self.count, np.float32)
        weights = self._steps * vector
        shifts = np.float32(0 if self._is_odd else 0.5) * weights.sum(axis=1)
        first = 0
        for end, own, shift in zip(self._ends, weights, shifts, strict=True):
            block = found[first:end]
            np.dot(self._codes[first:end].astype(np.float32), own, out=block)
            block += shift
            first = end
        return found

    def _values(self, codes: NDArray[np.int8], steps: Floats) -> Floats:
        return codes * steps if self._is_odd else (codes + _HALF) * steps

    @property
    def nbytes(self) -> int:
        """Bytes of codes, steps and the rows' blocks."""
        return self._codes.nbytes + self._steps.nbytes + self._block_of.nbytes
