"""Two small tables in place of a large one (Shi et al. 2019, arXiv:1909.02107)."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Final, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.errors import SettingsError
from training.families.family import Family, Popularity, register
from training.families.power_rule import default_num_buckets
from training.families.table import Arrays, Config, Floats, Index, check, float_tables

Operation = Literal["multiply", "add", "concatenate"]
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)


@register
class QuotientRemainder(Family):
    """Two small tables; index i reads rows i // num_buckets and i % num_buckets (arXiv:1909.02107).

    Attributes:
        num_buckets: Rows of the remainder table; None for `default_num_buckets` of the vocabulary.
        quotient_rows: Rows of the quotient table; None for the fewest that hold every id, `num_buckets` for
            as many as the remainder table has (the published layout).
        operation: How the two embeddings become one.
    """

    layer_class: ClassVar[str] = "QREmbedding"

    family: Literal["quotient_remainder"] = "quotient_remainder"
    num_buckets: Annotated[int, Field(ge=1)] | None = None
    quotient_rows: Annotated[int, Field(ge=1)] | Literal["num_buckets"] | None = None
    operation: Operation = "multiply"

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """Fill in the rows of both tables."""
        buckets = default_num_buckets(count) if self.num_buckets is None else self.num_buckets
        rows = self.quotient_rows
        if rows is None:
            rows = -(-count // buckets)
        elif rows == "num_buckets":
            rows = buckets
            if buckets * buckets < count:
                # A square: the smallest legal value differs from the one that the layer would name.
                raise SettingsError(
                    f"two tables of {buckets} rows do not tell {count} ids apart; with as many quotient rows "
                    f"as buckets, the smallest legal num_buckets is {math.isqrt(count - 1) + 1}"
                )
        return self.model_copy(update={"num_buckets": buckets, "quotient_rows": rows})

    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Arguments of `QREmbedding`."""
        own = self.model_dump(include={"num_buckets", "quotient_rows", "operation"})
        return {"num_embeddings": count, "embedding_dim": dim, **own}

    @classmethod
    def read(cls, config: Config, arrays: Arrays) -> QuotientRemainderSide:
        """The tables of a `QREmbedding`."""
        operation, count, buckets = config["operation"], config["num_embeddings"], config["num_buckets"]
        check(operation in OPERATIONS, f"the operation {str(operation)[:60]!r}")
        dim = config["embedding_dim"] // (2 if operation == "concatenate" else 1)
        shapes = {"quotient/0": (config["quotient_rows"], dim), "remainder/0": (buckets, dim)}
        quotient, remainder = float_tables(arrays, shapes)
        check(quotient.shape[0] * buckets >= count, "quotient and remainder of too few rows")
        return QuotientRemainderSide(quotient, remainder, operation, count)


class QuotientRemainderSide:
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
