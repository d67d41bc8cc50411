"""The base class of the Keras layers of all embedding families, and the initialisers of their tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
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


def distinct_initialisers(initialiser: Any, count: int) -> list[Any]:
    """Return `count` initialisers that differ only in their seeds.

    A Keras initialiser draws the same numbers each time it is called, with or without a seed. If two
    tables share it, they start with identical values, and rows of a compositional embedding repeat.

    Args:
        initialiser: A Keras initialiser, or a plain function, which is returned unchanged.
        count: Number of initialisers.

    Returns:
        Clones. The first keeps the seed, so a single table starts like any other layer's; the others'
        seeds are derived from it. Without a seed each clone draws its own from Keras's global one.
    """
    if not isinstance(initialiser, keras.initializers.Initializer):
        return [initialiser] * count
    return [_reseeded(initialiser, place) for place in range(count)]


def _reseeded(initialiser: Any, place: int) -> Any:
    config = dict(initialiser.get_config())
    seed = config.get("seed")
    if isinstance(seed, dict):  # a SeedGenerator, serialised
        seed = seed["config"]["seed"]
    if place and isinstance(seed, int):
        config["seed"] = int(np.random.SeedSequence([seed % 2**32, place]).generate_state(1)[0] >> 1)
    return initialiser.__class__.from_config(config)
