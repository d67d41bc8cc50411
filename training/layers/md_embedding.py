"""Mixed-dimension embedding (Ginart et al. 2019, arXiv:1909.11810)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from training.layers.family_embedding import FamilyEmbedding, distinct_initialisers
from training.layers.legal import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class MDEmbedding(FamilyEmbedding):
    """Embeds popular ids in many dimensions and rare ids in few, projected to one width.

    An index is a popularity rank: the most popular id has index 0. The first `block_sizes[0]` indices
    are block 0, the next `block_sizes[1]` block 1, and so on. A block narrower than `output_dim` has its
    own projection; a block of that width has none.

    In the paper (arXiv:1909.11810, section 3.1): E^(i) is `tables[i]`, of `block_sizes[i]` rows and d_i =
    `block_dims[i]` columns; P^(i) is `projections[i]`, to the base dimension d-bar = `output_dim`.
    `training.families.power_rule` computes d_i.

    The arguments are the settings of `training.families.MixedDimension`, the length `output_dim` of an
    embedding, and `embeddings_initializer`; each table gets a clone of it with its own seed.
    """

    def __init__(
        self,
        block_sizes: Sequence[int],
        block_dims: Sequence[int],
        output_dim: int,
        extra_row: bool = False,
        projection_bias: bool = False,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        settings = {
            "family": "mixed_dimension",
            "block_sizes": block_sizes,
            "block_dims": block_dims,
            "extra_row": extra_row,
            "projection_bias": projection_bias,
        }
        super().__init__(sum(block_sizes), output_dim, settings, **kwargs)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - every input shape has the same weights
        """Create and build every block's table and projection; the shape of the input does not matter."""
        if self.built:
            return
        family = self.family
        initialisers = distinct_initialisers(self.embeddings_initializer, len(family.block_sizes))
        self.tables: list[Any] = []
        self.projections: list[Any] = []  # None for a block that is as wide as the embedding
        for place, (size, dim) in enumerate(zip(family.block_sizes, family.block_dims, strict=True)):
            table = keras.layers.Embedding(
                size + family.extra_row,
                dim,
                initialisers[place],
                name=f"table_{place}",
                dtype=self.dtype_policy,
            )
            table.build((None,))
            self.tables.append(table)
            projection = None
            if dim < self.embedding_dim:
                projection = keras.layers.Dense(
                    self.embedding_dim,
                    use_bias=family.projection_bias,
                    name=f"projection_{place}",
                    dtype=self.dtype_policy,
                )
                projection.build((None, dim))
            self.projections.append(projection)

    def call(self, indices: Any) -> Any:
        """Return the embeddings `(..., output_dim)` of `indices` `(...)`.

        Every block reads a row for every index (its nearest row if the index belongs to another block), and
        the row of the last block that begins at or before the index is kept. This keeps all shapes
        static, as XLA requires, and gives rows that are not kept a gradient of zero.
        """
        flat = keras.ops.reshape(keras.ops.cast(indices, "int32"), (-1,))
        embeddings = None
        start = 0
        blocks = zip(self.family.block_sizes, self.tables, self.projections, strict=True)
        for size, table, projection in blocks:
            block = table(keras.ops.clip(flat - start, 0, size - 1))
            if projection is not None:
                block = projection(block)
            if embeddings is None:
                embeddings = block
            else:
                embeddings = keras.ops.where(keras.ops.expand_dims(flat >= start, -1), block, embeddings)
            start += size
        return keras.ops.reshape(embeddings, (*keras.ops.shape(indices), self.embedding_dim))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        initialiser = keras.initializers.serialize(self.embeddings_initializer)
        return {**super().get_config(), "embeddings_initializer": initialiser}
