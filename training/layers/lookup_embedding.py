"""An embedding of any family that writes its lookup once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from training.layers.family_embedding import FamilyEmbedding
from training.layers.initialisers import distinct_initialisers
from training.layers.legal import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class LookupEmbedding(FamilyEmbedding):
    """Embeds ids by the tables and the lookup of a `LookupFamily`; each table is an attribute of its name.

    Args:
        num_embeddings: How many indices there are.
        embedding_dim: Length of an embedding.
        settings: The family's.
        embeddings_initializer: Of all tables; each of several gets its own clone with its own seed.
        **kwargs: Of every Keras layer.
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
        """Create and build every table, whatever the input's shape is."""
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
        """Embeddings `(..., embedding_dim)` of `indices` `(...)`."""
        names = self.family.table_shapes(self.num_embeddings, self.embedding_dim)
        tables = {name: getattr(self, name).embeddings for name in names}
        return self.family.look_up(tables, keras.ops.cast(indices, "int32"), keras.ops)

    def get_config(self) -> dict[str, Any]:
        """All that `__init__` takes."""
        initialiser = keras.initializers.serialize(self.embeddings_initializer)
        return {**super().get_config(), "embeddings_initializer": initialiser}
