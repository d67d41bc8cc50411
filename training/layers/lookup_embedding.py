"""The Keras layer of every `LookupFamily`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from training.layers.family_embedding import FamilyEmbedding, distinct_initialisers
from training.layers.legal import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class LookupEmbedding(FamilyEmbedding):
    """Embeds ids with the tables and lookup of a `LookupFamily`; each table is an attribute by its name.

    The arguments are those of `FamilyEmbedding`, and `embeddings_initializer`: each table gets a clone of it
    with its own seed.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        settings: Mapping[str, Any],
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, settings, **kwargs)
        self.family.table_shapes(self.num_embeddings, self.embedding_dim)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape: Any = None) -> None:
        """Create and build every table; the shape of the input does not matter."""
        if self.built:
            return
        shapes = self.family.table_shapes(self.num_embeddings, self.embedding_dim)
        initialisers = [self.embeddings_initializer]
        if len(shapes) > 1:
            initialisers = distinct_initialisers(self.embeddings_initializer, len(shapes))
        for (name, (rows, columns)), initialiser in zip(shapes.items(), initialisers, strict=True):
            table = keras.layers.Embedding(rows, columns, initialiser, name=name, dtype=self.dtype_policy)
            table.build(input_shape)
            setattr(self, name, table)

    def call(self, indices: Any) -> Any:
        """Return the embeddings `(..., embedding_dim)` of `indices` `(...)`."""
        names = self.family.table_shapes(self.num_embeddings, self.embedding_dim)
        tables = {name: getattr(self, name).embeddings for name in names}
        return self.family.look_up(tables, keras.ops.cast(indices, "int32"), keras.ops)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        initialiser = keras.initializers.serialize(self.embeddings_initializer)
        return {**super().get_config(), "embeddings_initializer": initialiser}
