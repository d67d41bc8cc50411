from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.builders import QUICK, TINY_BASELINE, TINY_BIASED, TINY_MEMORY_EFFICIENT, tiny_dataset
from training.fit.fitting import fit
from training.settings import ModelSettings, Recipe

Weights = list[NDArray[np.float32]]


def fitted_weights(**changes: float) -> Weights:
    """Weights of the small baseline, fitted by `QUICK` with some changes."""
    recipe = QUICK.model_copy(update=changes)
    weights: Weights = fit(TINY_BASELINE, recipe, tiny_dataset()).model.indexed.get_weights()
    return weights


@pytest.fixture(scope="module")
def baseline_weights() -> Weights:
    return fitted_weights()


def test_fit_is_reproducible_and_depends_on_the_seed(baseline_weights: Weights) -> None:
    again, other = fitted_weights(), fitted_weights(seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(baseline_weights, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(baseline_weights, other, strict=True))


@pytest.mark.parametrize(
    "settings", [TINY_BASELINE, TINY_MEMORY_EFFICIENT], ids=lambda settings: settings.name
)
def test_fit_reduces_the_training_error(settings: ModelSettings) -> None:
    recipe = QUICK.model_copy(update={"epochs": 12})
    history = fit(settings, recipe, tiny_dataset()).history["mse"]
    assert history[-1] < 0.8 * history[0]


def test_embedding_penalty_shrinks_the_embeddings(baseline_weights: Weights) -> None:
    penalised = fitted_weights(embedding_l2=1.0)
    assert sum(np.sum(table**2) for table in penalised) < sum(np.sum(table**2) for table in baseline_weights)


@pytest.mark.long
def test_each_penalty_shrinks_only_its_own_weights() -> None:
    dataset = tiny_dataset()

    def sizes(**weights: float) -> dict[str, float]:
        model = fit(TINY_BIASED, QUICK.model_copy(update=weights), dataset).model.indexed
        names = ("user_embedding", "movie_embedding", "user_bias", "movie_bias")
        return {name: float(np.sum(model.get_layer(name).get_weights()[0] ** 2)) for name in names}

    free, embeddings, biases = sizes(), sizes(embedding_l2=1.0), sizes(bias_l2=1.0)
    for side in ("user", "movie"):
        assert embeddings[f"{side}_embedding"] < free[f"{side}_embedding"]
        assert biases[f"{side}_bias"] < 0.8 * free[f"{side}_bias"] < embeddings[f"{side}_bias"]


def test_global_bias_is_initialised_to_the_mean_rating() -> None:
    dataset = tiny_dataset()
    recipe = QUICK.model_copy(update={"learning_rate": 1e-7, "epochs": 1})
    rated = fit(TINY_BIASED, recipe, dataset).predict(dataset.train.user_index, dataset.train.movie_index)
    assert abs(float(rated.mean()) - float(dataset.train.ratings.mean())) < 0.01


def test_fit_reports_progress_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    recipe = Recipe(name="custom", batch_size=8, learning_rate=0.01, epochs=1)
    fit(TINY_BASELINE, recipe, tiny_dataset(), lambda done, total, _: seen.append((done, total)))
    assert seen[-1][0] >= seen[-1][1] - 10
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_batch_size_is_capped_at_the_number_of_rows() -> None:
    recipe = Recipe(name="custom", batch_size=10**6, learning_rate=0.01, epochs=1)
    assert fit(TINY_BASELINE, recipe, tiny_dataset()).epochs == 1
