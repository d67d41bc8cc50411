"""An embedding of any family that writes its lookup once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from training.errors import SettingsError
from training.families.family import parse_family
from training.families.lookup import LookupFamily
from training.layers.legal import PACKAGE, whole_number


@keras.saving.register_keras_serializable(package=PACKAGE)
class LookupEmbedding(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Embeds ids by the tables and the lookup of a `LookupFamily`.

    Input: integers of any shape `(...)`, each in 0..num_embeddings-1. They are not checked here; resolve
    ids before (see `IdLookup`). Output: `(..., embedding_dim)`.

    Args:
        num_embeddings: How many indices there are.
        embedding_dim: Length of an embedding.
        settings: The family's settings, resolved.
        **kwargs: Of every Keras layer.

    Raises:
        SettingsError: A number is not a whole one of at least 1, or there is no such family.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, settings: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_embeddings = whole_number("num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        try:
            self.family: LookupFamily = parse_family(settings)
        except ValueError as error:
            raise SettingsError(f"settings: {error}") from None

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - every input shape has the same weights
        """Create every table, whatever the input's shape is."""
        if self.built:
            return
        self.tables = {
            name: self.add_weight(name=name, shape=shape, initializer="uniform")
            for name, shape in self.family.table_shapes(self.num_embeddings, self.embedding_dim).items()
        }

    def call(self, indices: Any) -> Any:
        """Embeddings `(..., embedding_dim)` of `indices` `(...)`."""
        flat = keras.ops.reshape(keras.ops.cast(indices, "int32"), (-1,))
        embeddings = self.family.look_up(self.tables, flat, keras.ops)
        return keras.ops.reshape(embeddings, (*keras.ops.shape(indices), self.embedding_dim))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(..., embedding_dim)` for indices `(...)`."""
        return (*input_shape, self.embedding_dim)

    def get_config(self) -> dict[str, Any]:
        """All that `__init__` takes."""
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "settings": self.family.model_dump(mode="json"),
        }
