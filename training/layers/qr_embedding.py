"""Quotient-remainder embedding (Shi et al. 2019, arXiv:1909.02107)."""

from __future__ import annotations

from typing import Any

import keras

from training.errors import SettingsError
from training.families.quotient_remainder import OPERATIONS
from training.layers.initialisers import distinct_initialisers
from training.layers.legal import PACKAGE, whole_number


@keras.saving.register_keras_serializable(package=PACKAGE)
class QREmbedding(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Embeds many ids with two small tables instead of one large one.

    Index `i` reads row `i // num_buckets` of the quotient table and row `i % num_buckets` of the
    remainder table. No two indices share both rows, so no two ids share an embedding.

    In the paper (arXiv:1909.02107, section 2): |S| is `num_embeddings`, m is `num_buckets`, D is
    `embedding_dim`, W1 is `remainder`, W2 is `quotient`, and the operation is `operation`.

    Input: integers of any shape `(...)`, each in 0..num_embeddings-1. They are not checked here;
    resolve ids before (see `IdLookup`). Output: `(..., embedding_dim)`.

    Args:
        num_embeddings: How many indices there are.
        embedding_dim: Length of an embedding.
        num_buckets: Rows of the remainder table.
        operation: How the two rows become one: `multiply`, `add`, or `concatenate`, for which each
            table holds half the dimensions.
        quotient_rows: Rows of the quotient table; None for the fewest that hold every index,
            ceil(num_embeddings / num_buckets).
        embeddings_initializer: Of both tables; each gets its own clone with its own seed.
        **kwargs: Of every Keras layer.

    Raises:
        SettingsError: The sizes cannot hold every index; the message names the smallest that can.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        num_buckets: int,
        operation: str = "multiply",
        quotient_rows: int | None = None,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_embeddings = whole_number("num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        self.num_buckets = whole_number("num_buckets", num_buckets)
        if operation not in OPERATIONS:
            raise SettingsError(f"operation must be one of {', '.join(OPERATIONS)}, not {operation!r}")
        if operation == "concatenate" and self.embedding_dim % 2:
            raise SettingsError(
                f"embedding_dim is {self.embedding_dim}, but each table holds half of it when operation is "
                f"concatenate; the smallest legal embedding_dim from there is {self.embedding_dim + 1}"
            )
        self.operation = operation
        fewest_rows = -(-self.num_embeddings // self.num_buckets)
        if quotient_rows is None:
            self.quotient_rows = fewest_rows
        else:
            self.quotient_rows = whole_number("quotient_rows", quotient_rows)
            if self.quotient_rows < fewest_rows:
                raise SettingsError(
                    f"{self.num_buckets} buckets x {self.quotient_rows} quotient rows do not tell "
                    f"{self.num_embeddings} ids apart; the smallest legal num_buckets is "
                    f"{-(-self.num_embeddings // self.quotient_rows)}, or the smallest legal quotient_rows "
                    f"is {fewest_rows}"
                )
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape: Any = None) -> None:
        """Create and build both tables, whatever the input's shape is."""
        if self.built:
            return
        table_dim = self.embedding_dim // 2 if self.operation == "concatenate" else self.embedding_dim
        for_quotient, for_remainder = distinct_initialisers(self.embeddings_initializer, 2)
        self.quotient = keras.layers.Embedding(
            self.quotient_rows, table_dim, for_quotient, name="quotient", dtype=self.dtype_policy
        )
        self.remainder = keras.layers.Embedding(
            self.num_buckets, table_dim, for_remainder, name="remainder", dtype=self.dtype_policy
        )
        self.quotient.build(input_shape)
        self.remainder.build(input_shape)

    def call(self, indices: Any) -> Any:
        """Embeddings `(..., embedding_dim)` of `indices` `(...)`."""
        indices = keras.ops.cast(indices, "int32")
        quotient = self.quotient(keras.ops.floor_divide(indices, self.num_buckets))
        remainder = self.remainder(keras.ops.mod(indices, self.num_buckets))
        if self.operation == "multiply":
            return keras.ops.multiply(quotient, remainder)
        if self.operation == "add":
            return keras.ops.add(quotient, remainder)
        return keras.ops.concatenate([quotient, remainder], axis=-1)

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
            "operation": self.operation,
            "quotient_rows": self.quotient_rows,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }
