"""The base class of the Keras layers of all embedding families."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from pydantic import ValidationError

from training.errors import SettingsError
from training.families.family import parse_family
from training.layers.legal import whole_number


class FamilyEmbedding(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Embeds ids as a family's settings specify; its configuration is the family's `layer_config`.

    Input: integers of any shape `(...)`, each in 0..num_embeddings-1. They are not checked here; map
    ids to indices first (see `IdLookup`). Output: `(..., embedding_dim)`.

    Args:
        num_embeddings: Number of indices.
        embedding_dim: Length of an embedding.
        settings: Settings of the family.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        SettingsError: If the settings are invalid, or not valid for this number of indices.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, settings: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_embeddings = whole_number("num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        try:
            family = parse_family(settings)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SettingsError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        except ValueError as error:
            raise SettingsError(f"settings: {error}") from None
        self.family: Any = family.resolve(self.num_embeddings, self.embedding_dim, None)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return `(..., embedding_dim)` for indices `(...)`."""
        return (*input_shape, self.embedding_dim)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), **self.family.layer_config(self.num_embeddings, self.embedding_dim)}
