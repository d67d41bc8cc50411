"""One small table, whose rows ids share by hash (arXiv:0902.2206): the yardstick of compact tables."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.families.family import Family, Popularity, register
from training.families.full import FullSide
from training.families.power_rule import default_num_buckets
from training.families.table import Arrays, Config, Floats, Index, float_tables

_IndexT = TypeVar("_IndexT", int, NDArray[np.int64])


@register
class HashingTrick(Family):
    """One small table; ids whose hashes meet share a row (arXiv:0902.2206). The yardstick of the others.

    Attributes:
        num_buckets: Rows of the table; None for `default_num_buckets` of the vocabulary.
    """

    layer_class: ClassVar[str] = "HashEmbedding"

    family: Literal["hashing_trick"] = "hashing_trick"
    num_buckets: Annotated[int, Field(ge=1)] | None = None

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """Fill in the number of buckets."""
        return self.model_copy(update={"num_buckets": self.num_buckets or default_num_buckets(count)})

    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Arguments of `HashEmbedding`."""
        return {"num_embeddings": count, "embedding_dim": dim, "num_buckets": self.num_buckets}

    @classmethod
    def read(cls, config: Config, arrays: Arrays) -> HashedSide:
        """The table of a `HashEmbedding`."""
        (table,) = float_tables(arrays, {"table/0": (config["num_buckets"], config["embedding_dim"])})
        return HashedSide(table, config["num_embeddings"])


class HashedSide:
    """Embedding i is the row that the hash of i names, as `HashEmbedding` has it."""

    def __init__(self, table: Floats, count: int) -> None:
        self._full = FullSide(table)
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
