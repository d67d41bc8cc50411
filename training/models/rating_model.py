"""Builds models from their settings: on indices for training, on ids for the saved file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np

from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale
from training.errors import SettingsError
from training.families.family import Family, Popularity
from training.layers import IdLookup, RatingHead
from training.layers.legal import PACKAGE
from training.settings import ModelSettings

_EMBEDDINGS: Final = ("user_embedding", "movie_embedding")
_BIASES: Final = ("user_bias", "movie_bias")


@dataclass(frozen=True)
class RatingModel:
    """One set of layers behind two kinds of input.

    The layers are `user_embedding`, `movie_embedding` and `rating`, plus `user_bias` and `movie_bias` if the
    settings enable biases.

    Attributes:
        settings: The settings, with every default filled in.
        num_users: Number of users with an embedding.
        num_movies: Number of movies with an embedding.
        scale: Scale of the ratings.
        indexed: Model from int32 `user_index` and `movie_index` to float32 ratings, `(batch,)` each.
    """

    settings: ModelSettings
    num_users: int
    num_movies: int
    scale: RatingScale
    indexed: keras.Model

    def with_ids(self, users: Vocabulary, movies: Vocabulary) -> keras.Model:
        """Return the model from text `user_id` and `movie_id` to float32 ratings, `(batch,)` each.

        It shares its layers with `indexed`, so both predict the same, even after further training.

        Args:
            users: User ids in index order.
            movies: Movie ids in index order.

        Raises:
            SettingsError: If the number of ids differs from the number that the model was built for.
        """
        inputs, indices = [], []
        for side, vocabulary, size in zip(
            ("user", "movie"), (users, movies), (self.num_users, self.num_movies), strict=True
        ):
            if len(vocabulary) != size:
                raise SettingsError(
                    f"the model was built for {size} {side}s, but there are {len(vocabulary)} {side} ids"
                )
            ids = keras.Input(shape=(), dtype="string", name=f"{side}_id")
            inputs.append(ids)
            indices.append(IdLookup(vocabulary, name=f"{side}_lookup")(ids))
        names = _EMBEDDINGS + (_BIASES if self.settings.biases else ())
        layers = [self.indexed.get_layer(name) for name in names]
        rating = _rate(layers, indices, self.indexed.get_layer("rating"))
        return keras.Model(inputs, rating, name=self.settings.name)


def build_rating_model(
    settings: ModelSettings,
    num_users: int,
    num_movies: int,
    movie_popularity: Popularity | None = None,
    user_popularity: Popularity | None = None,
    scale: RatingScale = DEFAULT_SCALE,
) -> RatingModel:
    """Build a model with initial weights drawn from Keras's global seed.

    The arguments are those of `ModelSettings.resolve`, which fills in the defaults, and the rating scale.

    Raises:
        SettingsError: If the settings are not valid for these numbers of users and movies.
    """
    settings = settings.resolve(num_users, num_movies, movie_popularity, user_popularity)
    user_index = keras.Input(shape=(), dtype="int32", name="user_index")
    movie_index = keras.Input(shape=(), dtype="int32", name="movie_index")
    counts, dim = (num_users, num_movies), settings.embedding_dim
    layers = [
        _embedding(side, count, dim, name)
        for side, count, name in zip((settings.users, settings.movies), counts, _EMBEDDINGS, strict=True)
    ]
    head = RatingHead(settings.global_bias, *scale.bounds, name="rating")
    if settings.biases:
        layers += [
            keras.layers.Embedding(count, 1, "zeros", name=name)
            for name, count in zip(_BIASES, counts, strict=True)
        ]
    rating = _rate(layers, [user_index, movie_index], head)
    indexed = keras.Model([user_index, movie_index], rating, name=f"{settings.name}_indexed")
    return RatingModel(settings, num_users, num_movies, scale, indexed)


def indexed_view(model: keras.Model) -> keras.Model:
    """Return the part of a model after its id lookups; it shares all layers with the model.

    Args:
        model: A model from `RatingModel.with_ids`, possibly loaded from a file.

    Returns:
        A model from int32 `user_index` and `movie_index`, `(batch,)` each, to ratings `(batch,)`.
    """
    inputs = [
        keras.Input(shape=(), dtype="int32", name=ids.name.replace("_id", "_index")) for ids in model.inputs
    ]

    def call_past_lookups(layer: Any, *args: Any, **kwargs: Any) -> Any:
        return args[0] if isinstance(layer, IdLookup) else layer(*args, **kwargs)

    return keras.models.clone_model(
        model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=call_past_lookups
    )


def logical_sizes(model: keras.Model) -> dict[str, int]:
    """Return the number of logical scalars, before packing, of each weight by path."""
    sizes = {weight.path: int(np.prod(weight.shape)) for weight in model.weights}
    for layer in model.layers:
        # A packed layer reports how many values its codes represent.
        if hasattr(layer, "logical_sizes"):
            sizes.update(layer.logical_sizes())
    return sizes


def _rate(layers: list[Any], indices: list[Any], head: Any) -> Any:
    """Apply the head to the output of each layer; user and movie layers alternate."""
    return head(*[layer(indices[place % 2]) for place, layer in enumerate(layers)])


def _embedding(side: Family, count: int, dim: int, name: str) -> Any:
    layer_class = keras.saving.get_registered_object(f"{PACKAGE}>{side.layer_class}")
    if layer_class is None:
        layer_class = getattr(keras.layers, side.layer_class)
    return layer_class(**side.layer_config(count, dim), name=name)
