"""A fitted model in few bits: the same layers, their tables rounded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import keras
import numpy as np

from training.compress.quantisation import round_table
from training.layers import HashEmbedding, MDEmbedding, PackedEmbedding, QREmbedding, RoundedEmbedding
from training.models.rating_model import RatingModel, build_rating_model
from training.settings import Precision


def in_precision(model: RatingModel, precision: Precision) -> RatingModel:
    """The model with its tables in a precision; biases, of which there is one an id, become float16.

    With 8 bits or fewer, projections of mixed dimensions stay float32: there are few of them, and all ids of
    a block share their errors.

    Args:
        model: Fitted, in float32.
        precision: Of the new one.

    Raises:
        SettingsError: A side of it is in few bits already.
    """
    settings = model.settings.model_copy(update={"precision": precision})
    made = build_rating_model(settings, model.num_users, model.num_movies)
    for old, new in zip(model.indexed.layers, made.indexed.layers, strict=True):
        for source, target in zip(table_layers(old), table_layers(new), strict=True):
            weights = [np.asarray(weight) for weight in source.weights]
            if isinstance(target, RoundedEmbedding):
                target.set_table(round_table(weights[0], target.bits, target.scale))
            else:
                target.set_weights(weights)
    return made


def logical_sizes(model: keras.Model) -> dict[str, int]:
    """By path of each weight, its scalars before rounding and packing: codes are several to the byte."""
    sizes = {weight.path: int(np.prod(weight.shape)) for weight in model.weights}
    for layer in chain.from_iterable(map(table_layers, model.layers)):
        if isinstance(layer, PackedEmbedding | RoundedEmbedding):
            sizes.update(layer.logical_sizes())
    return sizes


def table_layers(layer: Any) -> Iterator[Any]:
    """The layers with weights that a layer is made of, in a fixed order; itself where it is one."""
    if isinstance(layer, QREmbedding):
        yield from (layer.quotient, layer.remainder)
    elif isinstance(layer, HashEmbedding):
        yield layer.table
    elif isinstance(layer, MDEmbedding):
        yield from layer.tables
        yield from (projection for projection in layer.projections if projection is not None)
    else:
        yield layer
