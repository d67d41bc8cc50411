"""An embedding of any family that writes its lookup once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from pydantic import ValidationError

from training.errors import SettingsError
from training.families.family import parse_family
from training.families.lookup import LookupFamily
from training.layers.initialisers import distinct_initialisers
from training.layers.legal import PACKAGE, whole_number


@keras.saving.register_keras_serializable(package=PACKAGE)
class LookupEmbedding(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Embeds ids by the tables and the lookup of a `LookupFamily`.

    Each table is an attribute of its name.

    Input: integers of any shape `(...)`, each in 0..num_embeddings-1. They are not checked here; resolve
    ids before (see `IdLookup`). Output: `(..., embedding_dim)`.

    Args:
        num_embeddings: How many indices there are.
        embedding_dim: Length of an embedding.
        settings: The family's.
        embeddings_initializer: Of all tables; each of several gets its own clone with its own seed.
        **kwargs: Of every Keras layer.

    Raises:
        SettingsError: The settings are not legal, or not for so many indices.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        settings: Mapping[str, Any],
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_embeddings = whole_number("num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        try:
            family: LookupFamily = parse_family(settings)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SettingsError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        except ValueError as error:
            raise SettingsError(f"settings: {error}") from None
        self.family = family.resolve(self.num_embeddings, self.embedding_dim, None)
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

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(..., embedding_dim)` for indices `(...)`."""
        return (*input_shape, self.embedding_dim)

    def get_config(self) -> dict[str, Any]:
        """All that `__init__` takes."""
        return {
            **super().get_config(),
            **self.family.layer_config(self.num_embeddings, self.embedding_dim),
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }
