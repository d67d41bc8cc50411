"""The packed family: quantised tables, made from fitted or distilled ones."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from training.errors import SettingsError
from training.families.family import Family, Popularity, register
from training.families.packed_table import PackedSide, PackedTable
from training.families.power_rule import check_block_sizes
from training.families.table import Arrays, Config, check


@register
class Packed(Family):
    """A quantised table in blocks of ids by falling popularity, packed after fitting or distillation.

    Attributes:
        block_sizes: Ids in each block, most popular first; None for one block.
        code_bytes: Bytes of all codes; None for 8 bits a value.
        ones_at: Position in the embedding of an extra column of ones, or None. With a bias as one side's
            column and ones as the other side's, a dot product of embeddings includes both biases.
    """

    layer_class: ClassVar[str] = "PackedEmbedding"

    family: Literal["packed"] = "packed"
    block_sizes: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    code_bytes: Annotated[int, Field(ge=1)] | None = None
    ones_at: Annotated[int, Field(ge=0)] | None = None

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """Fill in the blocks and the number of code bytes."""
        sizes = self.block_sizes or (count,)
        check_block_sizes(sizes, count)
        if self.ones_at is not None and self.ones_at >= dim:
            raise SettingsError(f"ones_at is {self.ones_at}; the largest legal ones_at is {dim - 1}")
        code_bytes = count * self._columns(dim) if self.code_bytes is None else self.code_bytes
        return self.model_copy(update={"block_sizes": sizes, "code_bytes": code_bytes})

    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Return the arguments of `PackedEmbedding`."""
        return {
            "num_embeddings": count,
            "block_sizes": list(self.block_sizes or ()),
            "columns": self._columns(dim),
            "code_bytes": self.code_bytes,
            "ones_at": self.ones_at,
        }

    @classmethod
    def read(cls, config: Config, arrays: Arrays) -> PackedSide:
        """Return the table of a `PackedEmbedding`."""
        check(set(arrays) == {"codes", "widths", "steps"}, "other arrays than codes, widths and steps")
        packed = PackedTable(tuple(config["block_sizes"]), arrays["widths"], arrays["steps"], arrays["codes"])
        columns, ones_at = config["columns"], config.get("ones_at")
        check(packed.widths.shape[1] == columns, "a wrong number of columns")
        check(sum(packed.block_sizes) == config["num_embeddings"], "blocks that do not cover the indices")
        check(ones_at is None or 0 <= ones_at <= columns, "a column of ones outside the table")
        return PackedSide(packed, ones_at)

    def _columns(self, dim: int) -> int:
        return dim - (self.ones_at is not None)
