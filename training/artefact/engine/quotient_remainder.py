"""Two small tables in place of a large one (arXiv:1909.02107), as `QREmbedding` has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.side import Floats, Index


class QuotientRemainderTable:
    """Embedding i combines quotient row `i // m` and remainder row `i % m`; there are m remainder rows."""

    def __init__(self, quotient: Floats, remainder: Floats, operation: str, count: int) -> None:
        """Combine `(rows, dim)` tables.

        Args:
            quotient: One row for each run of m indices.
            remainder: m rows.
            operation: `multiply`, `add` or `concatenate`.
            count: How many indices there are.
        """
        self._quotient, self._remainder, self._operation = quotient, remainder, operation
        self._buckets = remainder.shape[0]
        self.count = count
        self.dim = remainder.shape[1] * (2 if operation == "concatenate" else 1)

    def row(self, index: int) -> Floats:
        """`(dim,)` the embedding at one index."""
        quotient, remainder = divmod(index, self._buckets)
        return self._combine(self._quotient[quotient], self._remainder[remainder])

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` the embeddings at `(n,)` indices."""
        quotient, remainder = np.divmod(index, self._buckets)
        return self._combine(self._quotient.take(quotient, axis=0), self._remainder.take(remainder, axis=0))

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector; no embedding is made."""
        quotient, remainder = self._quotient, self._remainder
        if self._operation == "multiply":
            found: NDArray[Any] = (quotient * vector) @ remainder.T
        else:
            half = remainder.shape[1] if self._operation == "concatenate" else 0
            of_quotient = quotient @ vector[: half or None]
            found = of_quotient[:, None] + remainder @ vector[half:]
        products: Floats = found.reshape(-1)[: self.count]
        return products

    @property
    def nbytes(self) -> int:
        """Bytes of both tables."""
        return self._quotient.nbytes + self._remainder.nbytes

    def _combine(self, quotient: Floats, remainder: Floats) -> Floats:
        if self._operation == "multiply":
            return quotient * remainder
        if self._operation == "add":
            return quotient + remainder
        return np.concatenate([quotient, remainder], axis=-1)
