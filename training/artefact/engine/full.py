"""A table with a row for each index, and the hashing trick on one with fewer."""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.side import Floats, Index
from training.artefact.rounded import RoundedTable

# Rows that are made float32 at a time where a table is of another precision.
TILE_ROWS: Final = 16_384

# What holds rows: an array, or codes that are decoded as they are indexed.
Rows = NDArray[np.floating] | RoundedTable

_IndexT = TypeVar("_IndexT", int, NDArray[np.int64])


class FullTable:
    """Row i is embedding i."""

    def __init__(self, table: Rows) -> None:
        self._table = table
        self.count, self.dim = table.shape
        self._is_float32 = table.dtype == np.float32

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index."""
        row: Floats = self._table[index]
        return row if self._is_float32 else row.astype(np.float32)

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices."""
        rows: Floats = self._table.take(index, axis=0).astype(np.float32, copy=False)
        return rows

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector."""
        return matrix_vector(self._table, vector)

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._table.nbytes


class HashedTable:
    """Embedding i is the row that the hash of i names (arXiv:0902.2206); as `HashEmbedding` has it."""

    def __init__(self, table: Rows, count: int) -> None:
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


def matrix_vector(matrix: Rows, vector: Floats, rows: int | None = None) -> Floats:
    """`(rows,)` product of a matrix of any precision with a float32 vector, in float32.

    Args:
        matrix: `(at least rows, columns)`.
        vector: `(columns,)`.
        rows: How many of its rows; all by default.
    """
    product: Any
    rows = matrix.shape[0] if rows is None else rows
    if isinstance(matrix, np.ndarray) and matrix.dtype == np.float32 and matrix.flags.aligned:
        product = matrix[:rows] @ vector
        return cast("Floats", product)
    product = np.empty(rows, np.float32)
    for start in range(0, rows, TILE_ROWS):
        tile = slice(start, min(start + TILE_ROWS, rows))
        product[tile] = matrix[tile].astype(np.float32) @ vector
    return cast("Floats", product)
