"""Unpacks small packed tables into larger but faster forms, within a memory limit."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.families.full import FullSide
from training.families.packed_table import MAX_WIDTH, PackedSide, PackedTable
from training.families.table import Floats, Index, SideTable

_HALF: Final = np.float32(0.5)
# Memory that a model may use in addition to its stored weights, and the part of it that each id uses for its
# number, its sort position and its mean. Above about 39,000 ids nothing is left, so large tables stay packed
# and memory-mapped.
SPARE_BYTES: Final = 512_000
ID_BYTES: Final = 13


class CodedSide(SideTable):
    """A small packed table, unpacked to one byte per code, with a column of ones for the other side's bias.

    Its values equal those of the packed table bit for bit.
    """

    def __init__(self, packed: PackedTable, ones_at: int | None) -> None:
        """Copy the values of `packed`; its arrays are not kept.

        Args:
            packed: The packed table.
            ones_at: Position of the column of ones in an embedding, or None if there is none.
        """
        sizes, columns = packed.block_sizes, packed.widths.shape[1]
        count, dim = sum(sizes), columns + (ones_at is not None)
        own = np.delete(np.arange(dim), [] if ones_at is None else ones_at)
        # With a step of 1, each value is an integer plus 1/2, so twice the value is an odd integer. An int8
        # holds that odd integer for codes of up to 7 bits, but only the rounded-down value for 8 bits.
        halves = replace(packed, steps=np.ones_like(packed.steps)).values()
        self._is_odd = bool(np.all(packed.widths < MAX_WIDTH))
        # A one is stored as 1 * 1, or as (0 + 1/2) * 2.
        self._codes = np.full((count, dim), 1 if self._is_odd else 0, np.int8)
        self._codes[:, own] = 2 * halves if self._is_odd else np.floor(halves)
        # A dropped column is all zeros, whatever its step.
        self._steps = np.full((len(sizes), dim), 1 if self._is_odd else 2, np.float32)
        steps = np.where(packed.widths, packed.steps, np.float16(0)).astype(np.float32)
        self._steps[:, own] = steps * _HALF if self._is_odd else steps
        self._ends = np.cumsum(sizes).tolist()
        self._block_of = np.repeat(np.arange(len(sizes), dtype=np.min_scalar_type(len(sizes))), sizes)
        super().__init__(count, dim, [self._codes, self._steps, self._block_of])

    def row(self, index: int) -> Floats:
        """`(dim,)` The embedding at one index."""
        return self._values(self._codes[index], self._steps[bisect_right(self._ends, index)])

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` The embeddings at `(n,)` indices."""
        steps = self._steps.take(self._block_of.take(index), axis=0)
        return self._values(self._codes.take(index, axis=0), steps)

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector."""
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


def unpacked(users: SideTable, movies: SideTable, spare: int) -> tuple[SideTable, SideTable]:
    """Return both sides, packed ones in the fastest form that fits.

    Movies are unpacked first, because a recommendation reads all of them.

    Args:
        users: One side.
        movies: The other side.
        spare: Bytes that the model may use in addition to its stored weights.
    """
    room = spare - ID_BYTES * (users.count + movies.count)
    new_movies = _fastest(movies, room)
    return _fastest(users, room - (new_movies.nbytes - movies.nbytes)), new_movies


def _fastest(table: SideTable, room: int) -> SideTable:
    """Return `table`, converted if packed to the fastest form that takes at most `room` more bytes."""
    if not isinstance(table, PackedSide):
        return table
    values = table.count * table.dim
    if 4 * values <= table.nbytes + room:
        return FullSide(table.rows(np.arange(table.count)))
    if values + table.count <= table.nbytes + room:
        return CodedSide(table.packed, table.ones_at)
    return table
