"""An example of a complete embedding family (see docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from training.families.family import Popularity, register
from training.families.lookup import LookupFamily


@register
class SharedTail(LookupFamily):
    """One row for each of the most popular ids, and one row shared by all others.

    Attributes:
        own_rows: Ids with a row of their own; None for a tenth of them.
    """

    family: Literal["shared_tail"] = "shared_tail"
    own_rows: Annotated[int, Field(ge=1)] | None = None

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:
        return self.model_copy(update={"own_rows": min(self.own_rows or -(-count // 10), count)})

    def table_shapes(self, count: int, dim: int) -> dict[str, tuple[int, int]]:
        assert self.own_rows is not None
        return {"rows": (self.own_rows + 1, dim)}

    def look_up(self, tables: Mapping[str, Any], index: Any, ops: Any) -> Any:
        # An index is a popularity rank.
        return ops.take(tables["rows"], ops.minimum(index, self.own_rows), axis=0)
