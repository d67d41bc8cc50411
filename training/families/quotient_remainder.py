"""Quotient-remainder embedding: two small tables instead of a large one (arXiv:1909.02107)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.errors import SettingsError
from training.families.family import Popularity, register
from training.families.lookup import LookupFamily, LookupSide
from training.families.power_rule import default_num_buckets
from training.families.table import Floats

Operation = Literal["multiply", "add", "concatenate"]


@register
class QuotientRemainder(LookupFamily):
    """Two small tables; index i reads rows i // num_buckets and i % num_buckets (Shi et al. 2019).

    Attributes:
        num_buckets: Rows of the remainder table; None for `default_num_buckets` of the vocabulary.
        quotient_rows: Rows of the quotient table; None for the fewest that cover every id, `num_buckets` for
            as many as the remainder table has (the published layout).
        operation: How the two rows are combined: `multiply`, `add`, or `concatenate`, for which each table
            holds half the dimensions.
    """

    layer_class: ClassVar[str] = "QREmbedding"

    family: Literal["quotient_remainder"] = "quotient_remainder"
    num_buckets: Annotated[int, Field(ge=1)] | None = None
    quotient_rows: Annotated[int, Field(ge=1)] | Literal["num_buckets"] | None = None
    operation: Operation = "multiply"

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """Fill in the number of rows of both tables."""
        buckets = default_num_buckets(count) if self.num_buckets is None else self.num_buckets
        rows = self.quotient_rows
        if rows is None:
            rows = -(-count // buckets)
        elif rows == "num_buckets":
            rows = buckets
            if buckets * buckets < count:
                # Both tables grow together, so the smallest legal value is not the one that the layer states.
                raise SettingsError(
                    f"two tables of {buckets} rows cannot distinguish {count} ids; with as many quotient "
                    f"rows as buckets, the smallest legal num_buckets is {math.isqrt(count - 1) + 1}"
                )
        return self.model_copy(update={"num_buckets": buckets, "quotient_rows": rows})

    def table_shapes(self, count: int, dim: int) -> dict[str, tuple[int, int]]:
        """Return the shapes of both tables, each with half the columns if rows are concatenated."""
        buckets, rows = self.num_buckets, self.quotient_rows
        assert buckets is not None and isinstance(rows, int)
        if self.operation == "concatenate" and dim % 2:
            raise SettingsError(
                f"embedding_dim is {dim}, but each table holds half of it when operation is concatenate; the "
                f"smallest legal embedding_dim from there is {dim + 1}"
            )
        if buckets * rows < count:
            raise SettingsError(
                f"{buckets} buckets x {rows} quotient rows cannot distinguish {count} ids; the smallest "
                f"legal num_buckets is {-(-count // rows)}, or the smallest legal quotient_rows is "
                f"{-(-count // buckets)}"
            )
        columns = dim // 2 if self.operation == "concatenate" else dim
        return {"quotient": (rows, columns), "remainder": (buckets, columns)}

    def look_up(self, tables: Mapping[str, Any], index: Any, ops: Any) -> Any:
        """Look up both rows of each index and combine them."""
        quotient = ops.take(tables["quotient"], ops.floor_divide(index, self.num_buckets), axis=0)
        remainder = ops.take(tables["remainder"], ops.mod(index, self.num_buckets), axis=0)
        return self.combine(quotient, remainder, ops)

    def combine(self, quotient: Any, remainder: Any, ops: Any) -> Any:
        """Combine rows of both tables into `(..., dim)` embeddings."""
        if self.operation == "multiply":
            return ops.multiply(quotient, remainder)
        if self.operation == "add":
            return ops.add(quotient, remainder)
        return ops.concatenate([quotient, remainder], axis=-1)

    def side(self, tables: Mapping[str, Floats], count: int, dim: int) -> LookupSide:
        """Return both tables, with products that avoid materialising embeddings where possible."""
        return QuotientRemainderSide(self, tables, count, dim)


class QuotientRemainderSide(LookupSide):
    """Two small tables in place of a large one."""

    family: QuotientRemainder

    def __init__(self, family: QuotientRemainder, tables: Mapping[str, Floats], count: int, dim: int) -> None:
        super().__init__(family, tables, count, dim)
        self._quotient, self._remainder = tables["quotient"], tables["remainder"]

    def row(self, index: int) -> Floats:
        """`(dim,)` The embedding at one index; array functions would take several times as long."""
        quotient, remainder = divmod(index, self._remainder.shape[0])
        row: Floats = self.family.combine(self._quotient[quotient], self._remainder[remainder], np)
        return row

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector; no embeddings are materialised."""
        quotient, remainder = self._quotient, self._remainder
        if self.family.operation == "multiply":
            found: NDArray[Any] = (quotient * vector) @ remainder.T
        else:
            half = remainder.shape[1] if self.family.operation == "concatenate" else 0
            of_quotient = quotient @ vector[: half or None]
            found = of_quotient[:, None] + remainder @ vector[half:]
        products: Floats = found.reshape(-1)[: self.count]
        return products
