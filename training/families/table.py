"""The base class of one side's embedding table, which is never materialised as a whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Index = NDArray[np.integer]
# The arrays by name and the configuration of a layer in a model file.
Arrays = Mapping[str, NDArray[Any]]
Config = Mapping[str, Any]

# Embeddings computed at a time when all of them are multiplied with a vector.
_COMPUTED_ROWS: Final = 8_192
# Rows copied at a time if a matrix is not aligned.
_COPIED_ROWS: Final = 16_384


class SideTable(ABC):
    """Embeddings by index, independent of their representation. Read-only and thread-safe.

    Args:
        count: Number of indices.
        dim: Length of an embedding.
        arrays: All arrays that it keeps, for their size.
    """

    def __init__(self, count: int, dim: int, arrays: Iterable[NDArray[Any]]) -> None:
        self.count, self.dim = count, dim
        self.nbytes = sum(array.nbytes for array in arrays)

    @abstractmethod
    def rows(self, index: Index) -> Floats:
        """`(n, dim)` The embeddings at `(n,)` indices in 0..count-1. Row i depends only on index i."""

    def row(self, index: int) -> Floats:
        """`(dim,)` The embedding at one index, bit for bit equal to the one from `rows`."""
        row: Floats = self.rows(np.array([index]))[0]
        return row

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector, up to rounding."""
        found = np.empty(self.count, np.float32)
        for start in range(0, self.count, _COMPUTED_ROWS):
            index = np.arange(start, min(start + _COMPUTED_ROWS, self.count))
            found[index] = self.rows(index) @ vector
        return found


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
    for start in range(0, rows, _COPIED_ROWS):
        tile = slice(start, min(start + _COPIED_ROWS, rows))
        product[tile] = matrix[tile].copy() @ vector
    return product
