"""One side of a model, users or movies, as a table of embeddings that is never held whole."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Index = NDArray[np.integer]


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
