"""The scale of ratings: its step, and models that are the same on every scale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.builders import QUICK, TINY_BASELINE, TINY_BIASED, tiny_dataset, tiny_table
from training.artefact import open_artefact
from training.artefact.engine import read_tables
from training.artefact.rating_scale import RatingScale
from training.data.dataset import Dataset, prepare
from training.data.table import RatingsTable
from training.distillation.base.settings import (
    AutoEncoderSettings,
    BayesianFactorsSettings,
    Blend,
    DistilledModel,
    StudentSettings,
    TeacherSettings,
)
from training.distillation.base.work_folder import open_work_folder
from training.distillation.distiller import distil, errors_on
from training.distillation.teacher.teacher import Teacher
from training.fit.evaluation import biases_only, errors, evaluate
from training.fit.fitting import fit
from training.models.trained import TrainedModel
from training.publish.options import PublishOptions
from training.publish.publishing import publish_model
from training.settings import ModelSettings

SCALES = [RatingScale(1, 10, 1.8), RatingScale(-10, 10, 4), RatingScale(0, 100, 20)]
BIASED = QUICK.model_copy(update={"embedding_l2": 0.05, "bias_l2": 0.01})


@pytest.mark.parametrize(
    ("low", "high", "ratings", "step"),
    [
        (0, 5, [0.5, 1, 4.5], 0.5),
        (0, 5, [1, 4], 1),
        (0, 5, [1.5, 3], 0.5),
        (1, 10, range(1, 11), 1),
        (1, 10, [1, 4, 7], 3),
        (-10, 10, range(-10, 11), 1),
        (-10, 10, [-9.95, 3.2], 0.05),
        (0, 100, [20, 40], 20),
        (0, 1, [0.1234567], None),
    ],
)
def test_step_is_that_of_the_observed_ratings(
    low: float, high: float, ratings: list[float], step: float | None
) -> None:
    assert RatingScale.observed(low, high, np.array(ratings, np.float32)).step == step


def test_many_distinct_ratings_are_continuous() -> None:
    assert RatingScale.observed(0, 5, np.linspace(0, 5, 20_001, dtype=np.float32)).step is None


def on(scale: RatingScale) -> Dataset:
    """Return `tiny_dataset` with its stars, 0 to 5, stretched to another scale."""
    table = tiny_table()
    ratings = (scale.low + scale.unit * table.ratings).astype(np.float32)
    return prepare(replace(table, ratings=ratings, scale=scale), tiny_dataset().split)


def assert_stretched(scale: RatingScale, stars: TrainedModel, ratings: TrainedModel, within: float) -> None:
    """Check that both models predict the same on their scales, with errors in proportion."""
    test = tiny_dataset().test
    warm = (test.user_index < 29) & (test.movie_index < 39)
    user, movie = test.user_index[warm], test.movie_index[warm]
    stretched = scale.low + scale.unit * stars.predict(user, movie)
    np.testing.assert_allclose(ratings.predict(user, movie), stretched, atol=within * scale.unit)
    own = evaluate(ratings.predict, ratings.fallback, on(scale))
    before = evaluate(stars.predict, stars.fallback, tiny_dataset())
    assert own.rmse / scale.width == pytest.approx(before.rmse / 5, abs=within)
    assert own.biases_only_mse == pytest.approx(scale.unit**2 * before.biases_only_mse, rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        (TINY_BIASED, SCALES[1]),
        pytest.param(TINY_BASELINE, SCALES[0], marks=pytest.mark.long),
        pytest.param(TINY_BASELINE, SCALES[1], marks=pytest.mark.long),
        pytest.param(TINY_BASELINE, SCALES[2], marks=pytest.mark.long),
        pytest.param(TINY_BIASED, SCALES[0], marks=pytest.mark.long),
        pytest.param(TINY_BIASED, SCALES[2], marks=pytest.mark.long),
    ],
)
def test_fit_is_the_same_on_every_scale(settings: ModelSettings, scale: RatingScale) -> None:
    recipe = BIASED if settings.biases else QUICK
    stars, ratings = fit(settings, recipe, tiny_dataset()), fit(settings, recipe, on(scale))
    assert_stretched(scale, stars, ratings, 0.05)
    # The trivial models, too, are within the scale.
    predicted = biases_only(on(scale))
    assert scale.low <= predicted.min() and predicted.max() <= scale.high


DISTILLED = DistilledModel(
    name="student",
    description="",
    blend=Blend(members=("ordinal", "gaussian", "auto_encoder"), weights=(0.5, 0.3, 0.2)),
    student=StudentSettings(
        rank=2, max_bytes=900, blocks=2, float_rounds=1, packed_rounds=1, propensity_rank=2
    ),
)
TEACHER = TeacherSettings(
    ordinal=BayesianFactorsSettings(noise="ordinal", rank=2, sweeps=6, burn_in=2, kernel_rank=4),
    gaussian=BayesianFactorsSettings(noise="gaussian", rank=2, sweeps=6, burn_in=2, kernel_rank=4),
    auto_encoder=AutoEncoderSettings(hidden=4, epochs=2),
)


def student_of(dataset: Dataset, work: Path) -> TrainedModel:
    with open_work_folder(work) as folder:
        return distil(Teacher(dataset, folder, TEACHER), DISTILLED, DISTILLED.blend)


@pytest.mark.long
def test_distilled_model_is_the_same_on_every_scale(tmp_path: Path) -> None:
    stars = student_of(tiny_dataset(), tmp_path / "stars")
    for scale in SCALES:
        # One work folder for all: a step of another scale is not reused.
        ratings = student_of(on(scale), tmp_path / "work")
        assert_stretched(scale, stars, ratings, 0.05)
        assert ratings.history["objective"][-1] == pytest.approx(
            scale.unit**2 * stars.history["objective"][-1], rel=0.05
        )
        without_keras = errors_on(ratings, on(scale).test, on(scale))
        with_keras = evaluate(ratings.predict, ratings.fallback, on(scale))
        assert without_keras.mse == pytest.approx(with_keras.mse, rel=1e-4)


def grid(scale: RatingScale, steps: float | None, seed: int = 3) -> RatingsTable:
    """Return ratings on a scale that depend on both ids, at multiples of a step, or continuous."""
    random = np.random.default_rng(seed)
    table = tiny_table()
    share = (3 * table.user_index + 5 * table.movie_index) % 31 / 31 * 0.7 + 0.3 * random.random(table.rows)
    ratings = scale.low + scale.width * share
    if steps:
        ratings = scale.low + np.round((ratings - scale.low) / steps) * steps
    observed = ratings.astype(np.float32)
    return replace(table, ratings=observed, scale=RatingScale.observed(*scale.bounds, np.unique(observed)))


@pytest.mark.parametrize(
    ("scale", "step"),
    [
        pytest.param(RatingScale(1, 10), 1.0, id="books"),
        pytest.param(RatingScale(-10, 10), 1.0, id="jokes", marks=pytest.mark.long),
        pytest.param(RatingScale(-10, 10), None, id="continuous jokes", marks=pytest.mark.long),
    ],
)
def test_artefact_carries_the_scale(tmp_path: Path, scale: RatingScale, step: float | None) -> None:
    dataset = prepare(grid(scale, step), tiny_dataset().split)
    for trained in (student_of(dataset, tmp_path / "work"), fit(TINY_BIASED, BIASED, dataset)):
        accuracy = evaluate(trained.predict, trained.fallback, dataset)
        artefact = publish_model(trained, dataset, accuracy, PublishOptions(tmp_path / "store"))
        assert artefact.manifest.scale == RatingScale(*scale.bounds, step)
        assert artefact.given is not None
        assert artefact.given.kind == ("float32" if step is None else "steps")
        stored = np.concatenate([artefact.given.of_user(user)[1] for user in range(30)])
        np.testing.assert_array_equal(np.sort(stored), np.sort(dataset.table.ratings))
        # The table engine agrees with Keras, alone and in a batch, and the fallback is on the scale.
        tables = read_tables(open_artefact(artefact.folder).archive)
        users, movies = dataset.test.user_index[:20], dataset.test.movie_index[:20]
        rated = tables.rate(users, movies)
        np.testing.assert_allclose(rated, trained.predict(users, movies), atol=1e-5 * scale.unit)
        assert [tables.rate_one(int(u), int(m)) for u, m in zip(users, movies, strict=True)] == rated.tolist()
        assert scale.low <= rated.min() and rated.max() <= scale.high
        nobody = np.array([-1], np.int32)
        assert artefact.fallback.rate(nobody, nobody)[0] == pytest.approx(
            dataset.train.ratings.mean(), abs=0.5 * scale.unit
        )


def test_errors_are_on_the_scale() -> None:
    found = errors(np.array([1, 10], np.float32), np.array([3, 8]))
    assert (found.mse, found.rmse, found.mae) == (4, 2, 2)
