"""The full-table family: one embedding row per id."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from training.families.family import Family, register
from training.families.table import (
    Arrays,
    Config,
    Floats,
    Index,
    SideTable,
    check,
    float_tables,
    matrix_vector,
)


@register
class FullTable(Family):
    """One embedding row per id."""

    layer_class: ClassVar[str] = "Embedding"

    family: Literal["full"] = "full"

    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Return the arguments of Keras's `Embedding`."""
        return {"input_dim": count, "output_dim": dim}

    @classmethod
    def read(cls, config: Config, arrays: Arrays) -> FullSide:
        """Return the table of an `Embedding`."""
        extras = ("mask_zero", "quantization_config", "lora_rank")
        check(not any(config.get(extra) for extra in extras), "an embedding with unsupported options")
        (table,) = float_tables(arrays, {"0": (config["input_dim"], config["output_dim"])})
        return FullSide(table)


class FullSide(SideTable):
    """A matrix whose row i is embedding i."""

    def __init__(self, table: Floats) -> None:
        count, dim = table.shape
        super().__init__(count, dim, [table])
        self._table = table

    def row(self, index: int) -> Floats:
        """`(dim,)` The embedding at one index."""
        row: Floats = self._table[index]
        return row

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` The embeddings at `(n,)` indices."""
        return self._table.take(index, axis=0)

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector."""
        return matrix_vector(self._table, vector)
