"""Fit a variational model to a dataset as a Keras model, ready to publish."""

from __future__ import annotations

import time
from pathlib import Path

from training.data.dataset import Dataset
from training.data.shards.shards import Shards
from training.factors.settings import VariationalModel, VariationalRecipe
from training.factors.solver import OnRound, Runner, VariationalFactors, fit_variational_factors
from training.fit.evaluation import model_fallback
from training.models.rating_model import RatingModel, build_rating_model
from training.models.trained import TrainedModel
from training.settings import ModelSettings


def fit_variational_model(
    model: VariationalModel,
    dataset: Dataset,
    *,
    seed: int = 0,
    validation_fraction: float = 0.01,
    runner: Runner | None = None,
    checkpoint: Path | None = None,
    on_round: OnRound | None = None,
) -> TrainedModel:
    """Fit a model of full tables with biases.

    Args:
        model: Name and settings.
        dataset: The ratings, with `validation_fraction` of the training rows held out.
        seed: Seed of the random factors at the start.
        validation_fraction: Recorded in the recipe.
        runner: Runs the blocks; threads of this machine by default.
        checkpoint: As for `fit_variational_factors`; it is removed at the end.
        on_round: Called after each round.

    Returns:
        The model. Its history has `val_mse` on the scale of the ratings, one value per round.
    """
    started = time.perf_counter()
    found = fit_variational_factors(
        Shards.of(dataset),
        model.factors,
        seed=seed,
        runner=runner,
        checkpoint=checkpoint,
        on_round=on_round,
    )
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    built = _as_keras(model, found, dataset)
    name, unit = ("val_mse", dataset.scale.unit**2) if len(dataset.validation) else ("precision", 1.0)
    return TrainedModel(
        model=built,
        recipe=VariationalRecipe(seed=seed, validation_fraction=validation_fraction, factors=model.factors),
        seed=seed,
        history={name: [unit * value for value in found.history]},
        seconds=time.perf_counter() - started,
        fallback=model_fallback(built, dataset),
    )


def _as_keras(model: VariationalModel, found: VariationalFactors, dataset: Dataset) -> RatingModel:
    settings = ModelSettings(
        name=model.name,
        description=model.description,
        embedding_dim=model.factors.rank,
        biases=True,
    )
    built = build_rating_model(settings, len(dataset.users), len(dataset.movies), scale=dataset.scale)
    layer = built.indexed.get_layer
    for side, table in (("user", found.users), ("movie", found.movies)):
        layer(f"{side}_embedding").set_weights([table[:, :-1]])
        layer(f"{side}_bias").set_weights([table[:, -1:]])
    layer("rating").global_bias.assign(found.centre)
    return built
