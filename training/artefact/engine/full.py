"""A table with a row for each index, and the hashing trick on one with fewer."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.side import Floats, Index

# Rows that are copied at a time where a table is not aligned.
TILE_ROWS: Final = 16_384

_IndexT = TypeVar("_IndexT", int, NDArray[np.int64])


class FullTable:
    """Row i is embedding i."""

    def __init__(self, table: Floats) -> None:
        self._table = table
        self.count, self.dim = table.shape

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index."""
        row: Floats = self._table[index]
        return row

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices."""
        return self._table.take(index, axis=0)

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector."""
        return matrix_vector(self._table, vector)

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._table.nbytes


class HashedTable:
    """Embedding i is the row that the hash of i names (arXiv:0902.2206); as `HashEmbedding` has it."""

    def __init__(self, table: Floats, count: int) -> None:
        self._full = FullTable(table)
        self.count, self.dim = count, self._full.dim

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index."""
        return self._full.row(_mix(index) % self._full.count)

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices."""
        return self._full.rows(_mix(index.astype(np.int64)) % self._full.count)

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector."""
        of_rows = self._full.products(vector)
        found: Floats = of_rows[_mix(np.arange(self.count, dtype=np.int64)) % self._full.count]
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._full.nbytes


def _mix(index: _IndexT) -> _IndexT:
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        index = index ^ (index >> shift)
        index = (index * factor) & 0xFFFFFFFF
    return index ^ (index >> 15)


def matrix_vector(matrix: Floats, vector: Floats, rows: int | None = None) -> Floats:
    """`(rows,)` product of a matrix, aligned or not, with a vector.

    Args:
        matrix: `(at least rows, columns)`.
        vector: `(columns,)`.
        rows: How many of its rows; all by default.
    """
    rows = matrix.shape[0] if rows is None else rows
    if matrix.flags.aligned:
        product: Floats = matrix[:rows] @ vector
        return product
    product = np.empty(rows, np.float32)
    for start in range(0, rows, TILE_ROWS):
        tile = slice(start, min(start + TILE_ROWS, rows))
        product[tile] = matrix[tile].copy() @ vector
    return product
