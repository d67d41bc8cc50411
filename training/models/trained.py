"""A trained model and the record of its training: what all training returns and publishing takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from training.artefact.fallback import Fallback
from training.models.rating_model import RatingModel, logical_sizes
from training.settings import ModelSettings, Settings

# Rows a step when only predicting: large enough to be fast, small enough for any memory.
PREDICT_BATCH: Final = 65_536


@dataclass(frozen=True)
class TrainedModel:
    """A model, and how it was trained.

    Attributes:
        model: The Keras models, on indices and on ids.
        recipe: How it was trained.
        seed: Of every random draw.
        history: Curves by name, one number an epoch (or round of least squares) each.
        seconds: Wall time of the training.
        fallback: What answers for cold ids.
    """

    model: RatingModel
    recipe: Settings
    seed: int
    history: dict[str, list[float]]
    seconds: float
    fallback: Fallback

    @property
    def settings(self) -> ModelSettings:
        """What was built, with every default filled in."""
        return self.model.settings

    @property
    def parameters(self) -> int:
        """Logical scalars before packing."""
        return sum(logical_sizes(self.model.indexed).values())

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, ids apart."""
        weights = self.model.indexed.weights
        return sum(int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize for weight in weights)

    @property
    def epochs(self) -> int:
        """Epochs, or rounds of least squares, that were run."""
        return len(next(iter(self.history.values())))

    def predict(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """`(n,)` predicted stars of `(n,)` pairs, all within the tables."""
        return predict(self.model.indexed, user_index, movie_index)


def predict(
    model: keras.Model, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]
) -> NDArray[np.float32]:
    """`(n,)` predicted stars of `(n,)` pairs by a Keras model on indices."""
    parts = [
        np.asarray(model((user_index[at : at + PREDICT_BATCH], movie_index[at : at + PREDICT_BATCH])))
        for at in range(0, user_index.size, PREDICT_BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
