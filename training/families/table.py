"""The interface of one side's embedding table, which is never materialised as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Index = NDArray[np.integer]
# The arrays by name and the configuration of a layer in a model file.
Arrays = Mapping[str, NDArray[Any]]
Config = Mapping[str, Any]

# Rows copied at a time if a matrix is not aligned.
_TILE_ROWS: Final = 16_384


class SideTable(Protocol):
    """Embeddings by index, independent of their representation. Read-only and thread-safe.

    Attributes:
        count: Number of indices.
        dim: Length of an embedding.
    """

    count: int
    dim: int

    def row(self, index: int) -> Floats:
        """`(dim,)` The embedding at one index, bit for bit equal to the one from `rows`."""

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` The embeddings at `(n,)` indices in 0..count-1. Row i depends only on index i."""

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector, up to rounding."""

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""


class UnknownForm(ValueError):
    """A layer in a model file does not have the form that the trainer writes."""


def check(holds: bool, otherwise: str) -> None:
    """Raise `UnknownForm` if a condition does not hold.

    Raises:
        UnknownForm: With the message `otherwise`.
    """
    if not holds:
        raise UnknownForm(otherwise)


def float_tables(arrays: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> list[Floats]:
    """Return a layer's arrays in the order of `shapes`; they must be float32 and have these shapes.

    Raises:
        UnknownForm: If an array is missing, unexpected, or of another type or shape.
    """
    check(arrays.keys() == shapes.keys(), f"other tables than {', '.join(shapes)}"[:200])
    for name, shape in shapes.items():
        check(arrays[name].dtype == np.float32, f"tables of another precision ({name})")
        check(arrays[name].shape == shape, f"tables of other shapes ({name})")
    return [arrays[name] for name in shapes]


def matrix_vector(matrix: Floats, vector: Floats, rows: int | None = None) -> Floats:
    """Return the `(rows,)` product of a matrix, aligned or not, with a vector.

    Args:
        matrix: `(at least rows, columns)`.
        vector: `(columns,)`.
        rows: Number of leading rows to use; all by default.
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
