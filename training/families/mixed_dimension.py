"""Mixed dimensions: blocks of ids by falling popularity, each with its own width (arXiv:1909.11810)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any, ClassVar, Final, Literal, Self

import numpy as np
from pydantic import Field

from training.errors import SettingsError
from training.families.family import Family, Popularity, register
from training.families.power_rule import (
    check_block_sizes,
    default_block_dims,
    default_block_sizes,
    power_rule_dims,
    solve_budget,
)
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

# Rows are projected in tiles of this fixed size, the last one padded. Matrix products of different shapes
# round differently, so a pair would otherwise get another rating alone than in a batch.
GRAIN: Final = 16


@register
class MixedDimension(Family):
    """Blocks of ids by falling popularity, each with its own width (Ginart et al. 2019).

    Give at most one of `block_dims`, `temperature` (power rule) and `parameter_budget` (solved with the power
    rule). With none of them, each block is half as wide as the one before, as published.

    Attributes:
        block_sizes: Ids in each block, most popular first; None for `default_block_sizes`.
        block_dims: Width of each block.
        temperature: alpha of the power rule d_i ~ popularity_i ** alpha.
        parameter_budget: Maximum number of parameters of tables and projections together.
        extra_row: Whether each block's table has one more row than it has ids (the published layout). It is
            the last row and is never read.
        projection_bias: Whether projections add a bias (as in the published layout, not in the paper).
    """

    layer_class: ClassVar[str] = "MDEmbedding"

    family: Literal["mixed_dimension"] = "mixed_dimension"
    block_sizes: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    block_dims: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    parameter_budget: Annotated[int, Field(ge=1)] | None = None
    extra_row: bool = False
    projection_bias: bool = False

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:
        """Fill in the blocks; a temperature or a budget is replaced by the resulting widths."""
        sources = ("block_dims", "temperature", "parameter_budget")
        given = [source for source in sources if getattr(self, source) is not None]
        if len(given) > 1:
            raise SettingsError(
                f"{' and '.join(given)} each decide how wide the blocks are; give one of them"
            )
        sizes = default_block_sizes(count) if self.block_sizes is None else self.block_sizes
        check_block_sizes(sizes, count)
        if self.block_dims is not None:
            dims = self.block_dims
        elif not given:
            dims = default_block_dims(len(sizes), dim)
        elif popularity is None:
            raise SettingsError(f"{given[0]} needs the popularity of every id")
        elif self.temperature is not None:
            dims = power_rule_dims(popularity, sizes, dim, self.temperature)
        else:
            budget = self.parameter_budget or 0
            dims = solve_budget(popularity, sizes, dim, budget, self.extra_row, self.projection_bias)
        if len(sizes) != len(dims):
            raise SettingsError(
                f"there are {len(sizes)} block_sizes but {len(dims)} block_dims; each block needs both"
            )
        if max(dims) > dim:
            raise SettingsError(
                f"a block is {max(dims)} wide and so wider than the embedding, {dim}; the smallest legal "
                f"embedding_dim for it is {max(dims)}"
            )
        return self.model_copy(
            update={"block_sizes": sizes, "block_dims": dims, "temperature": None, "parameter_budget": None}
        )

    def layer_config(self, count: int, dim: int) -> dict[str, Any]:  # noqa: ARG002 - the blocks have it
        """Return the arguments of `MDEmbedding`."""
        return {
            "block_sizes": list(self.block_sizes or ()),
            "block_dims": list(self.block_dims or ()),
            "output_dim": dim,
            "extra_row": self.extra_row,
            "projection_bias": self.projection_bias,
        }

    @classmethod
    def read(cls, config: Config, arrays: Arrays) -> MixedDimensionSide:
        """Return the blocks of an `MDEmbedding`."""
        dim, extra = config["output_dim"], bool(config["extra_row"])
        widths = list(zip(config["block_sizes"], config["block_dims"], strict=True))
        shapes: dict[str, tuple[int, ...]] = {}
        projections = 0
        for place, (size, width) in enumerate(widths):
            check(size > 0 and width <= dim, "a block that has no ids or is wider than the embedding")
            shapes[_stored("tables/embedding", place, 0)] = (size + extra, width)
            if width < dim:
                shapes[_stored("projections/dense", projections, 0)] = (width, dim)
                if config["projection_bias"]:
                    shapes[_stored("projections/dense", projections, 1)] = (dim,)
                projections += 1
        stored = iter(float_tables(arrays, shapes))
        blocks = []
        for size, width in widths:
            table = next(stored)
            projection = next(stored) if width < dim else None
            bias = next(stored) if width < dim and config["projection_bias"] else None
            blocks.append(Block(size, table, projection, bias))
        return MixedDimensionSide(blocks, dim)


def _stored(name: str, place: int, weight: int) -> str:
    """Return the name that Keras gives to a weight of the layer at a position in a list of layers."""
    return f"{name}_{place}/{weight}" if place else f"{name}/{weight}"


@dataclass(frozen=True)
class Block:
    """Consecutive indices that share a width.

    Attributes:
        size: Number of indices; the table may have further rows, which are never read.
        table: `(rows, width)`.
        projection: `(width, dim)`, or None if the block is as wide as the embedding.
        bias: `(dim,)` added to the projected rows, or None.
    """

    size: int
    table: Floats
    projection: Floats | None
    bias: Floats | None

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` Embeddings at `(n,)` indices within the block."""
        if self.projection is None:
            return self.table[index]
        groups = -(-index.size // GRAIN)
        narrow = np.zeros((groups * GRAIN, self.table.shape[1]), np.float32)
        narrow[: index.size] = self.table[index]
        wide = narrow.reshape(groups, GRAIN, -1) @ self.projection
        rows: Floats = wide.reshape(groups * GRAIN, -1)[: index.size]
        return rows if self.bias is None else rows + self.bias

    def products(self, vector: Floats) -> Floats:
        """`(size,)` Products with a `(dim,)` vector; the vector is projected, not the table."""
        if self.projection is None:
            return matrix_vector(self.table, vector, self.size)
        found = matrix_vector(self.table, self.projection @ vector, self.size)
        return found if self.bias is None else found + np.float32(self.bias @ vector)


class MixedDimensionSide(SideTable):
    """A table of consecutive blocks."""

    def __init__(self, blocks: Sequence[Block], dim: int) -> None:
        arrays = (array for block in blocks for array in (block.table, block.projection, block.bias))
        count = sum(block.size for block in blocks)
        super().__init__(count, dim, [array for array in arrays if array is not None])
        self._blocks = blocks
        self._ends = list(accumulate(block.size for block in blocks))

    def row(self, index: int) -> Floats:
        """`(dim,)` The embedding at one index."""
        place = bisect_right(self._ends, index)
        block = self._blocks[place]
        row: Floats = block.rows(np.array([index - self._ends[place] + block.size]))[0]
        return row

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` The embeddings at `(n,)` indices."""
        found = np.empty((index.size, self.dim), np.float32)
        places = np.searchsorted(self._ends, index, side="right")
        for place, block in enumerate(self._blocks):
            own = np.flatnonzero(places == place)
            if own.size:
                found[own] = block.rows(index[own] - (self._ends[place] - block.size))
        return found

    def products(self, vector: Floats) -> Floats:
        """`(count,)` Products of all embeddings with a `(dim,)` vector; no embeddings are materialised."""
        return np.concatenate([block.products(vector) for block in self._blocks])
