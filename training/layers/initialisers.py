"""Clones of an initialiser, so that several tables do not start with equal values."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


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
