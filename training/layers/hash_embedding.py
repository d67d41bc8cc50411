"""Hashing-trick embedding (Weinberger et al. 2009, arXiv:0902.2206): the yardstick of compact tables."""

from __future__ import annotations

from typing import Any

import keras

from training.layers.legal import PACKAGE, whole_number


@keras.saving.register_keras_serializable(package=PACKAGE)
class HashEmbedding(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Embeds an id by the row that its hash names; ids whose hashes meet share the row, and are one.

    `row = mix(index) % num_buckets`, with a fixed 32-bit mix (xor-shifts of 16, 15, 15 and products with
    0x21f0aaad, 0x735a2d97; Wellons, "hash prospector"). It is there because an index is a popularity
    rank: without it the most popular ids would never meet each other.

    This is what Shi et al. (arXiv:1909.02107) hold the quotient-remainder trick against.

    Input: integers of any shape `(...)`, each in 0..num_embeddings-1. They are not checked here; resolve
    ids before (see `IdLookup`). Output: `(..., embedding_dim)`.

    Args:
        num_embeddings: How many indices there are.
        embedding_dim: Length of an embedding.
        num_buckets: Rows of the table; may be more than there are indices.
        embeddings_initializer: Of the table.
        **kwargs: Of every Keras layer.

    Raises:
        SettingsError: A number is not a whole one of at least 1.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        num_buckets: int,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_embeddings = whole_number("num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        self.num_buckets = whole_number("num_buckets", num_buckets)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape: Any = None) -> None:
        """Create and build the table, whatever the input's shape is."""
        if self.built:
            return
        self.table = keras.layers.Embedding(
            self.num_buckets,
            self.embedding_dim,
            self.embeddings_initializer,
            name="table",
            dtype=self.dtype_policy,
        )
        self.table.build(input_shape)

    def call(self, indices: Any) -> Any:
        """Embeddings `(..., embedding_dim)` of `indices` `(...)`."""
        return self.table(keras.ops.cast(keras.ops.mod(_mix(indices), self.num_buckets), "int32"))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(..., embedding_dim)` for indices `(...)`."""
        return (*input_shape, self.embedding_dim)

    def get_config(self) -> dict[str, Any]:
        """All that `__init__` takes."""
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "num_buckets": self.num_buckets,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }


def _mix(indices: Any) -> Any:
    """`(...)` int64 hashes of `(...)` indices, each in 0..2**32-1.

    Both factors lie below 2**31, so a product of one with 32 bits fits int64.
    """
    ops = keras.ops
    mixed = ops.cast(indices, "int64")
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        mixed = ops.bitwise_xor(mixed, ops.right_shift(mixed, shift))
        mixed = ops.bitwise_and(ops.multiply(mixed, factor), 0xFFFFFFFF)
    return ops.bitwise_xor(mixed, ops.right_shift(mixed, 15))
