"""One small table, whose rows ids share by hash (Weinberger et al. 2009, arXiv:0902.2206)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from training.families.family import Popularity, register
from training.families.lookup import LookupFamily, LookupSide
from training.families.power_rule import default_num_buckets
from training.families.table import Config, Floats, matrix_vector


@register
class HashingTrick(LookupFamily):
    """One small table; ids whose hashes meet share a row. The yardstick of the other families.

    `row = mix(index) % num_buckets`, with a fixed 32-bit mix (xor-shifts of 16, 15, 15 and products with
    0x21f0aaad, 0x735a2d97; Wellons, "hash prospector"). It is there because an index is a popularity
    rank: without it the most popular ids would never meet each other.

    Attributes:
        num_buckets: Rows of the table, which may be more than ids; None for `default_num_buckets`.
    """

    layer_class: ClassVar[str] = "HashEmbedding"

    family: Literal["hashing_trick"] = "hashing_trick"
    num_buckets: Annotated[int, Field(ge=1)] | None = None

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """Fill in the number of buckets."""
        return self.model_copy(update={"num_buckets": self.num_buckets or default_num_buckets(count)})

    def table_shapes(self, count: int, dim: int) -> dict[str, tuple[int, int]]:  # noqa: ARG002
        """One table."""
        assert self.num_buckets is not None
        return {"table": (self.num_buckets, dim)}

    def look_up(self, tables: Mapping[str, Any], index: Any, ops: Any) -> Any:
        """The rows that the hashes name."""
        return ops.take(tables["table"], self.rows_of(index, ops), axis=0)

    def rows_of(self, index: Any, ops: Any) -> Any:
        """`(...)` int64 rows of `(...)` indices.

        Both factors of the mix lie below 2**31, so a product of one with 32 bits fits int64.
        """
        mixed = ops.array(index, "int64")
        for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
            mixed = ops.bitwise_xor(mixed, ops.right_shift(mixed, shift))
            mixed = ops.bitwise_and(ops.multiply(mixed, factor), 0xFFFFFFFF)
        return ops.mod(ops.bitwise_xor(mixed, ops.right_shift(mixed, 15)), self.num_buckets)

    def side(self, tables: Mapping[str, Floats], count: int, dim: int) -> LookupSide:
        """The table, whose products are those of its few rows."""
        return HashedSide(self, tables, count, dim)

    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Arguments of `HashEmbedding`."""
        return {"num_embeddings": count, "embedding_dim": dim, "num_buckets": self.num_buckets}

    @classmethod
    def from_layer_config(cls, config: Config) -> HashingTrick:
        """The settings in the arguments of `HashEmbedding`."""
        return cls(num_buckets=config["num_buckets"])


class HashedSide(LookupSide):
    """A hashed table."""

    family: HashingTrick

    def products(self, vector: Floats) -> Floats:
        """`(count,)` products of every embedding with a `(dim,)` vector; no embedding is made."""
        rows = self.family.rows_of(np.arange(self.count), np)
        products: Floats = matrix_vector(self.tables["table"], vector)[rows]
        return products
