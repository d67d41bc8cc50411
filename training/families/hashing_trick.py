"""The hashing trick: ids share the rows of one small table (Weinberger et al. 2009, arXiv:0902.2206)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from training.families.family import Popularity, register
from training.families.lookup import LookupFamily, LookupSide
from training.families.power_rule import default_num_buckets
from training.families.table import Floats, matrix_vector


@register
class HashingTrick(LookupFamily):
    """One small table; ids with colliding hashes share a row. The baseline for the other compact families.

    `row = mix(index) % num_buckets`, with a fixed 32-bit mix (xor-shifts of 16, 15, 15 and products with
    0x21f0aaad, 0x735a2d97; Wellons, "hash prospector"). The mix is needed because an index is a popularity
    rank: without it, the most popular ids would never collide with each other.

    Attributes:
        num_buckets: Rows of the table, possibly more than ids; None for `default_num_buckets`.
    """

    layer_class: ClassVar[str] = "HashEmbedding"

    family: Literal["hashing_trick"] = "hashing_trick"
    num_buckets: Annotated[int, Field(ge=1)] | None = None

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """Fill in the number of buckets."""
        return self.model_copy(update={"num_buckets": self.num_buckets or default_num_buckets(count)})

    def table_shapes(self, count: int, dim: int) -> dict[str, tuple[int, int]]:  # noqa: ARG002
        """Return the shape of the only table."""
        assert self.num_buckets is not None
        return {"table": (self.num_buckets, dim)}

    def look_up(self, tables: Mapping[str, Any], index: Any, ops: Any) -> Any:
        """Look up the rows at the hashes of the indices."""
        return ops.take(tables["table"], self.rows_of(index, ops), axis=0)

    def rows_of(self, index: Any, ops: Any) -> Any:
        """Return the `(...)` int64 table rows of `(...)` indices.

        Both factors of the mix are below 2**31, so their product with a 32-bit value fits int64.
        """
        mixed = ops.array(index, "int64")
        for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
            mixed = ops.bitwise_xor(mixed, ops.right_shift(mixed, shift))
            mixed = ops.bitwise_and(ops.multiply(mixed, factor), 0xFFFFFFFF)
        return ops.mod(ops.bitwise_xor(mixed, ops.right_shift(mixed, 15)), self.num_buckets)

    def side(self, tables: Mapping[str, Floats], count: int, dim: int) -> LookupSide:
        """Return a table that multiplies only its few rows with a vector."""
        return HashedSide(self, tables, count, dim)


class HashedSide(LookupSide):
    """A hashed table."""

    family: HashingTrick

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector; no embeddings are materialised."""
        rows = self.family.rows_of(np.arange(self.count), np)
        products: Floats = matrix_vector(self.tables["table"], vector)[rows]
        return products
