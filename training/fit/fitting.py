"""Fit a model to the training rows of a dataset."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Dataset, Examples
from training.fit.evaluation import model_fallback
from training.fit.recipes import default_batch_size
from training.models.rating_model import build_rating_model
from training.models.trained import PREDICT_BATCH, TrainedModel
from training.settings import ModelSettings, Recipe

OnStep = Callable[[int, int, dict[str, float]], None]
"""Called every tenth batch with (steps done, steps in all, losses so far)."""


def fit(
    settings: ModelSettings, recipe: Recipe, dataset: Dataset, on_step: OnStep | None = None
) -> TrainedModel:
    """Build a model with the given settings and fit it by the given recipe.

    The same seed on the same machine gives the same weights.

    Args:
        settings: Settings of the model.
        recipe: How to fit it; `dataset.validation` must have been split off with the recipe's fraction.
        dataset: Rows and vocabularies.
        on_step: Called to report progress.

    Returns:
        The model. Its history has `mse` and `mae`, averaged over each epoch, and, if rows were held out,
        `val_mse` and `val_mae` at the end of each epoch.

    Raises:
        SettingsError: The settings are not valid for this many users and movies.
    """
    started = time.perf_counter()
    keras.utils.set_random_seed(recipe.seed)
    users, movies = len(dataset.users), len(dataset.movies)
    settings = settings.resolve(users, movies, dataset.movie_popularity, dataset.user_popularity)
    scale = dataset.scale
    model = build_rating_model(
        settings, users, movies, dataset.movie_popularity, dataset.user_popularity, scale
    )
    recipe = recipe.model_copy(
        update={"batch_size": recipe.batch_size or default_batch_size(len(dataset.train))}
    )
    batches = _Batches(dataset.train, recipe.batch_size or 1, recipe.shuffle_window, recipe.seed)
    total = len(batches) * recipe.epochs
    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, total)
    if settings.global_bias:
        _start_at_mean(model.indexed, dataset.train, scale)
    # The recipes weight the penalties for squared errors in stars.
    square = scale.unit**2
    learner = _with_penalty(
        model.indexed, square * recipe.embedding_l2, square * recipe.bias_l2 if settings.biases else 0.0
    )
    learner.compile(keras.optimizers.Adam(rate), loss="mse", metrics=["mse", "mae"], jit_compile=True)
    callbacks: list[keras.callbacks.Callback] = [_Progress(total, on_step)] if on_step else []
    validation = None
    if len(dataset.validation):
        held_out = dataset.validation
        validation = ((held_out.user_index, held_out.movie_index), held_out.ratings)
        if recipe.patience is not None:
            stop = keras.callbacks.EarlyStopping(
                "val_mse", patience=recipe.patience, restore_best_weights=True
            )
            callbacks.append(stop)
    history = learner.fit(
        batches,
        epochs=recipe.epochs,
        validation_data=validation,
        validation_batch_size=min(PREDICT_BATCH, max(len(dataset.validation), 1)),
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
    curves = {
        name: [float(value) for value in values]
        for name, values in history.history.items()
        if name in ("mse", "mae", "val_mse", "val_mae")
    }
    seconds = time.perf_counter() - started
    return TrainedModel(model, recipe, recipe.seed, curves, seconds, model_fallback(model, dataset))


def _start_at_mean(indexed: keras.Model, train: Examples, scale: RatingScale) -> None:
    """Set the global bias so that it alone predicts the mean training rating."""
    mean = np.clip((np.mean(train.ratings, dtype=np.float64) - scale.low) / scale.width, 0.01, 0.99)
    indexed.get_layer("rating").global_bias.assign(np.log(mean / (1 - mean)))


def _with_penalty(indexed: keras.Model, embedding_l2: float, bias_l2: float) -> keras.Model:
    """Wrap the layers in a model to fit, so that neither penalty nor optimizer is saved with them."""
    weights = {"embedding": embedding_l2, "bias": bias_l2}
    names = {
        f"{side}_{what}": weight for what, weight in weights.items() if weight for side in ("user", "movie")
    }
    if not names:
        return keras.Model(indexed.inputs, indexed.output)
    looked_up = [indexed.get_layer(name).output for name in names]
    return keras.Model(indexed.inputs, _Penalty(list(names.values()))(indexed.output, *looked_up))


class _Penalty(keras.layers.Layer):
    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self._weights = weights

    def call(self, rating: Any, *looked_up: Any, training: bool = False) -> Any:
        if training:
            for weight, vectors in zip(self._weights, looked_up, strict=True):
                lengths = keras.ops.sum(keras.ops.square(vectors), axis=-1)
                self.add_loss(weight * keras.ops.mean(lengths))
        return rating


_Batch = tuple[tuple[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]


class _Batches(keras.utils.PyDataset):
    """Shuffled batches of a fixed size, from arrays in memory.

    A fixed size needs only one compilation. The rows that do not fill a last batch are skipped in that epoch.
    """

    def __init__(self, examples: Examples, batch_size: int, window: int | None, seed: int) -> None:
        super().__init__()
        self._window = window
        self._examples = examples
        self._batch_size = min(batch_size, len(examples))
        self._random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._examples) // self._batch_size

    def __getitem__(self, position: int) -> _Batch:
        rows = self._order[position * self._batch_size : (position + 1) * self._batch_size]
        all_rows = self._examples
        return (all_rows.user_index[rows], all_rows.movie_index[rows]), all_rows.ratings[rows]

    def on_epoch_end(self) -> None:
        rows = len(self._examples)
        order = self._random.permutation(rows)
        if self._window is not None:
            # A row stays in a shuffle buffer for a geometric time, whose mean is the size of the buffer.
            order = np.argsort(np.arange(rows) + self._random.exponential(self._window, rows))
        # Half the memory of int64.
        self._order = order.astype(np.uint32) if rows < 2**32 else order


class _Progress(keras.callbacks.Callback):
    def __init__(self, total: int, on_step: OnStep) -> None:
        super().__init__()
        self._total, self._on_step, self._done = total, on_step, 0

    def on_train_batch_end(self, _batch: int, logs: dict[str, float] | None = None) -> None:
        self._done += 1
        if self._done % 10 == 0:
            self._on_step(self._done, self._total, dict(logs or {}))
