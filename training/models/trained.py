"""A trained model with the record of its training: the result of all training, the input of publishing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from training.artefact.fallback import Fallback
from training.artefact.uncertainty import Uncertainty
from training.models.rating_model import RatingModel, logical_sizes
from training.settings import ModelSettings, Settings

# Rows per prediction step: large enough to be fast, small enough to fit in memory.
PREDICT_BATCH: Final = 65_536


@dataclass(frozen=True)
class TrainedModel:
    """A model and how it was trained.

    Attributes:
        model: The Keras models, on indices and on ids.
        recipe: How it was trained.
        seed: Seed of every random draw.
        history: Curves by name, each with one value per epoch (or round of least squares).
        seconds: Wall time of the training.
        fallback: Predicts ratings of cold ids.
        uncertainty: Distributions of ratings around the predictions, if they were fitted.
    """

    model: RatingModel
    recipe: Settings
    seed: int
    history: dict[str, list[float]]
    seconds: float
    fallback: Fallback
    uncertainty: Uncertainty | None = field(default=None, kw_only=True)

    @property
    def settings(self) -> ModelSettings:
        """The settings, with every default filled in."""
        return self.model.settings

    @property
    def parameters(self) -> int:
        """Number of logical scalars before packing."""
        return sum(logical_sizes(self.model.indexed).values())

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, without ids."""
        weights = self.model.indexed.weights
        return sum(int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize for weight in weights)

    @property
    def epochs(self) -> int:
        """Number of epochs, or rounds of least squares, that were run."""
        return len(next(iter(self.history.values())))

    def vectors(self, side: Literal["user", "movie"], index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim + 1)` embeddings of `(n,)` indices of a side; biases are the last column."""
        layers = {layer.name: layer for layer in self.model.indexed.layers}
        bias = layers.get(f"{side}_bias")
        own = np.zeros((index.size, 1)) if bias is None else np.asarray(bias(index))
        embedding = np.asarray(layers[f"{side}_embedding"](index))
        return np.concatenate([embedding, own], axis=1, dtype=np.float32)

    def predict(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return `(n,)` predicted ratings of `(n,)` pairs, all within the tables."""
        return predict(self.model.indexed, user_index, movie_index)


def predict(
    model: keras.Model, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return `(n,)` ratings that a Keras model on indices predicts for `(n,)` pairs."""
    parts = [
        np.asarray(model((user_index[at : at + PREDICT_BATCH], movie_index[at : at + PREDICT_BATCH])))
        for at in range(0, user_index.size, PREDICT_BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
