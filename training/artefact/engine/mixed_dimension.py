"""Blocks of falling width (arXiv:1909.11810), as `MDEmbedding` has them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np

from training.artefact.engine.full import matrix_vector
from training.artefact.engine.side import Floats, Index

# Rows are projected so many at a time, the last ones filled up: a matrix product of another shape rounds
# differently, and a pair would be rated otherwise alone than in a batch.
GRAIN: Final = 16


@dataclass(frozen=True)
class Block:
    """Consecutive indices that share a width.

    Attributes:
        size: How many indices; the table may have rows beyond them, which nobody reads.
        table: `(rows, width)`.
        projection: `(width, dim)`, or None where the block is as wide as the embedding.
        bias: `(dim,)` added to what is projected, or None.
    """

    size: int
    table: Floats
    projection: Floats | None
    bias: Floats | None

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` embeddings at `(n,)` indices within the block."""
        if self.projection is None:
            return self.table[index]
        groups = -(-index.size // GRAIN)
        narrow = np.zeros((groups * GRAIN, self.table.shape[1]), np.float32)
        narrow[: index.size] = self.table[index]
        wide = narrow.reshape(groups, GRAIN, -1) @ self.projection
        rows: Floats = wide.reshape(groups * GRAIN, -1)[: index.size]
        return rows if self.bias is None else rows + self.bias

    def products(self, vector: Floats) -> Floats:
        """`(size,)` products with a `(dim,)` vector: the vector is projected, not the table."""
        if self.projection is None:
            return matrix_vector(self.table, vector, self.size)
        found = matrix_vector(self.table, self.projection @ vector, self.size)
        return found if self.bias is None else found + np.float32(self.bias @ vector)


class MixedDimensionTable:
    """Blocks one after the other."""

    def __init__(self, blocks: Sequence[Block], dim: int) -> None:
        self._blocks = blocks
        self._ends = list(accumulate(block.size for block in blocks))
        self.count, self.dim = self._ends[-1], dim

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index."""
        place = bisect_right(self._ends, index)
        block = self._blocks[place]
        row: Floats = block.rows(np.array([index - self._ends[place] + block.size]))[0]
        return row

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices."""
        found = np.empty((index.size, self.dim), np.float32)
        places = np.searchsorted(self._ends, index, side="right")
        for place, block in enumerate(self._blocks):
            own = np.flatnonzero(places == place)
            if own.size:
                found[own] = block.rows(index[own] - (self._ends[place] - block.size))
        return found

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector; no embedding is made."""
        return np.concatenate([block.products(vector) for block in self._blocks])

    @property
    def nbytes(self) -> int:
        """Bytes of tables, projections and biases."""
        return sum(
            array.nbytes
            for block in self._blocks
            for array in (block.table, block.projection, block.bias)
            if array is not None
        )
