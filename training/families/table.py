"""One side of a model, users or movies, as a table of embeddings that is never held whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Index = NDArray[np.integer]
# Of a layer in a model file: its arrays by name, and its configuration.
Arrays = Mapping[str, NDArray[Any]]
Config = Mapping[str, Any]

# Rows that are copied at a time where a matrix is not aligned.
_TILE_ROWS: Final = 16_384


class SideTable(Protocol):
    """Embeddings by index, whatever they are made of. Reads, never writes; threads may share it.

    Attributes:
        count: How many indices there are.
        dim: Length of an embedding.
    """

    count: int
    dim: int

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index, bit for bit the one that `rows` has."""

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices, each in 0..count-1. Row i depends on index i alone."""

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector, up to rounding."""

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays behind it."""


class UnknownForm(ValueError):
    """A layer in a model file that is not as the trainer writes it."""


def check(holds: bool, otherwise: str) -> None:
    """Pass when it holds.

    Raises:
        UnknownForm: It does not; the message is `otherwise`.
    """
    if not holds:
        raise UnknownForm(otherwise)


def float_tables(arrays: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> list[Floats]:
    """A layer's arrays in the order of `shapes`, which must be float32 and of these shapes.

    Raises:
        UnknownForm: There are other arrays, or others are missing.
    """
    check(arrays.keys() == shapes.keys(), f"other tables than {', '.join(shapes)}"[:200])
    for name, shape in shapes.items():
        check(arrays[name].dtype == np.float32, f"tables of another precision ({name})")
        check(arrays[name].shape == shape, f"tables of other shapes ({name})")
    return [arrays[name] for name in shapes]


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
    for start in range(0, rows, _TILE_ROWS):
        tile = slice(start, min(start + _TILE_ROWS, rows))
        product[tile] = matrix[tile].copy() @ vector
    return product
