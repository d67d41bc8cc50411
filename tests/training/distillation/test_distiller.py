"""A complete distillation on the tiny table, with every step, in a second or two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.builders import COLD_MOVIE, COLD_USER, tiny_file, tiny_table
from tests.contracts.fresh_process import predict_in_fresh_process
from tests.training.data.helpers import BUNDLED
from training.artefact import Artefact, open_artefact
from training.artefact.engine import read_tables
from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.manifest import BiasesRecord
from training.cli.app import app
from training.data.dataset import Dataset, make_dataset, prepare
from training.data.readers.ratings import load_ratings
from training.data.split import Split
from training.distillation.base.settings import (
    AutoEncoderSettings,
    BayesianFactorsSettings,
    Blend,
    DistillationRecipe,
    DistilledModel,
    Member,
    StudentSettings,
    TeacherSettings,
    VariationalSettings,
)
from training.distillation.base.tiles import make_tiles
from training.distillation.base.work_folder import open_work_folder
from training.distillation.distiller import Distilled, find_blends
from training.distillation.distiller import distil as distil_model
from training.distillation.named import DISTILLED, LARGE_BLEND
from training.distillation.student.packing import student_blocks
from training.distillation.student.student import fit_student
from training.distillation.teacher.teacher import PREDICTIONS, OnProgress, Teacher
from training.errors import SettingsError
from training.fit.calibration import distance_from_uniform, levels_of, randomised_pit
from training.fit.evaluation import evaluate, predict_all
from training.publish.options import DistillationOptions, PublishOptions
from training.publish.publishing import publish_model

TEACHER = TeacherSettings(
    ordinal=BayesianFactorsSettings(rank=3, sweeps=8, burn_in=4, thin=2, kernel_rank=6),
    gaussian=BayesianFactorsSettings(noise="gaussian", rank=3, sweeps=8, burn_in=4, thin=2, kernel_rank=6),
    auto_encoder=AutoEncoderSettings(hidden=6, epochs=3),
)
MODEL = DistilledModel(
    name="smallest",
    description="For tests.",
    blend=Blend(members=("ordinal", "gaussian", "auto_encoder")),
    student=StudentSettings(rank=3, max_bytes=220, blocks=2, propensity_rank=3, packed_rounds=2),
)


def dataset(validation: bool = False) -> Dataset:
    """Use every fifth row for testing, and all rows of one user and one movie, which become cold."""
    table = tiny_table()
    rows = np.arange(table.rows)
    test = (rows % 5 == 0) | (table.user_index == 29) | (table.movie_index == 39)
    held_out = ~test & (rows % 7 == 0) if validation else np.zeros(table.rows, dtype=bool)
    return prepare(
        table, Split("random", 0, train=rows[~test & ~held_out], validation=rows[held_out], test=rows[test])
    )


def distil(work: Path, *, seed: int = 0, on_progress: OnProgress | None = None) -> Distilled:
    with open_work_folder(work) as folder:

        def teacher(validation: bool) -> Teacher:
            return Teacher(
                dataset(validation), folder, TEACHER, seed=seed, tile_users=16, on_progress=on_progress
            )

        blends, _ = find_blends(teacher(validation=True), [MODEL], with_students=False)
        return distil_model(teacher(validation=False), MODEL, blends[MODEL.name])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distil") / "work"


@pytest.fixture(scope="module")
def distilled(work: Path) -> Distilled:
    return distil(work)


@pytest.fixture(scope="module")
def artefact(distilled: Distilled, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    accuracy = evaluate(distilled.predict, distilled.fallback, dataset())
    return publish_model(distilled, dataset(), accuracy, PublishOptions(tmp_path_factory.mktemp("store")))


def equal(one: Distilled, other: Distilled) -> bool:
    weights = one.model.indexed.get_weights(), other.model.indexed.get_weights()
    return all(np.array_equal(a, b) for a, b in zip(*weights, strict=True)) and one.recipe == other.recipe


def test_the_teacher_of_many_ratings_has_only_the_variational_member(tmp_path: Path) -> None:
    options = DistillationOptions(tmp_path)
    assert options.blend(MODEL, 5_000_000) == MODEL.blend
    blend = options.blend(MODEL, 5_000_001)
    with open_work_folder(tmp_path) as folder:
        settings = TeacherSettings(variational=VariationalSettings(rank=3, rounds=4))
        teacher = Teacher(dataset(), folder, settings, tile_users=16)
        fitted = distil_model(teacher, MODEL, blend)
        assert set(teacher.seconds) == {"variational", MODEL.name}
        # Another teacher finds the finished member.
        again = Teacher(dataset(), folder, settings, tile_users=16)
        pairs = dataset().test
        first, second = (
            one.member("variational").predict_pairs(pairs.user_index, pairs.movie_index)
            for one in (teacher, again)
        )
        assert np.array_equal(first, second)
    assert fitted.nbytes <= 220


def test_distillation_is_reproducible_with_the_same_seed(distilled: Distilled, tmp_path: Path) -> None:
    assert equal(distilled, distil(tmp_path / "same"))
    assert not equal(distilled, distil(tmp_path / "other", seed=1))


def test_interrupted_run_resumes_after_the_finished_members(distilled: Distilled, tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if what == "auto_encoder":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distil(tmp_path, on_progress=stop)
    finished = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert [name.split("-")[0] for name in finished] == ["gaussian", "ordinal"]
    kept = {name: (tmp_path / name / "notes.json").stat().st_mtime_ns for name in finished}

    reported: set[str] = set()

    def note(what: str, done: int, total: int) -> None:
        reported.add(f"{what} {done}/{total}")

    assert equal(distilled, distil(tmp_path, on_progress=note))
    assert "auto_encoder 1/3" in reported
    assert kept == {name: (tmp_path / name / "notes.json").stat().st_mtime_ns for name in finished}
    # A third run finds every step in the cache, so each step reports only its completion.
    reported.clear()
    assert equal(distilled, distil(tmp_path, on_progress=note))
    assert reported == {
        f"{step} 1/1" for step in ("ordinal", "gaussian", "auto_encoder", "blend", "smallest")
    }


def test_recipe_records_the_blend_weights_that_were_found(distilled: Distilled) -> None:
    assert isinstance(distilled.recipe, DistillationRecipe)
    weights = distilled.recipe.blend.weights
    assert weights is not None
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0


def test_find_blends_keeps_given_blend_weights(work: Path) -> None:
    stated = Blend(members=("ordinal", "gaussian"), weights=(0.25, 0.75))
    model = MODEL.model_copy(update={"blend": stated})
    with open_work_folder(work) as folder:
        teacher = Teacher(dataset(validation=True), folder, TEACHER, tile_users=16)
        blends, mse = find_blends(teacher, [model], with_students=True)
    assert blends == {"smallest": stated}
    assert set(mse) >= {"ordinal", "gaussian", "0.25 ordinal + 0.75 gaussian"}
    assert any(name.startswith("smallest, ") for name in mse)


@pytest.mark.long
def test_saved_model_in_a_fresh_process_predicts_like_the_student(
    distilled: Distilled, artefact: Artefact
) -> None:
    users, movies = artefact.users, artefact.movies
    user_index, movie_index = (index.ravel().astype(np.int32) for index in np.indices((30, 40)))
    ids = [
        np.array([side[int(index)] for index in indices], dtype=object)
        for side, indices in ((users, user_index), (movies, movie_index))
    ]
    expected = distilled.student.predict(user_index, movie_index)
    fresh = predict_in_fresh_process(artefact.folder / "model.keras", ids)
    np.testing.assert_allclose(fresh, expected, rtol=0, atol=1e-5)


def test_manifest_bytes_and_parameters_match_the_stored_arrays(
    distilled: Distilled, artefact: Artefact
) -> None:
    layers = ("user_embedding", "movie_embedding", "rating")
    stored = sum(array.nbytes for layer in layers for array in artefact.archive.variables[layer].values())
    manifest = artefact.manifest
    assert stored == manifest.weights_bytes == distilled.student.nbytes
    assert manifest.weights_bytes <= 220
    widths = {
        side: (artefact.archive.variables[f"{side}_embedding"]["widths"], sizes)
        for side, sizes in (("user", (8, 22)), ("movie", (16, 24)))
    }
    kept = sum(
        size * int(np.count_nonzero(row)) + int(np.count_nonzero(row))
        for table, sizes in widths.values()
        for size, row in zip(sizes, table, strict=True)
    )
    assert manifest.parameters.total == kept + 1


def test_cold_ids_are_predicted_from_biases_that_the_manifest_does_not_store(
    distilled: Distilled, artefact: Artefact
) -> None:
    manifest = artefact.manifest
    assert manifest.fallback == BiasesRecord(kind="biases")
    assert '"fallback": {"kind":"biases"}' in (artefact.folder / "manifest.json").read_text()
    assert not artefact.users.index(COLD_USER) < artefact.users.warm
    assert not artefact.movies.index(COLD_MOVIE) < artefact.movies.warm
    student = distilled.student
    known = np.array([4, -1, -1], dtype=np.int32), np.array([-1, 7, -1], dtype=np.int32)
    logits = float(student.global_bias) + np.array(
        [student.users.values()[4, -1], student.movies.values()[7, -1], 0]
    )
    np.testing.assert_allclose(artefact.fallback.rate(*known), 5 / (1 + np.exp(-logits)), atol=1e-5)


def test_manifest_records_the_distillation_recipe(artefact: Artefact) -> None:
    training = artefact.manifest.training
    assert training.recipe["name"] == "distillation"
    assert training.recipe["student"]["max_bytes"] == 220
    assert training.recipe["teacher"]["ordinal"]["sweeps"] == 8
    assert training.epochs == len(training.history["objective"]) == 1 + 3 + 2
    assert open_artefact(artefact.folder).manifest == artefact.manifest


def test_limits_that_are_too_small_are_rejected() -> None:
    settings = MODEL.student.model_copy(update={"max_bytes": 20})
    with pytest.raises(SettingsError, match="the smallest legal max_bytes for 30 users and 40 movies"):
        student_blocks(settings, users=30, movies=40)


def test_dataset_without_titles_can_be_distilled(tmp_path: Path) -> None:
    bare = dataset()
    bare = replace(bare, table=replace(bare.table, titles={}))
    members: tuple[Member, ...] = ("gaussian",)
    with open_work_folder(tmp_path) as folder:
        blend = Blend(members=members, weights=(1.0,))
        assert distil_model(Teacher(bare, folder, TEACHER), MODEL, blend).student.nbytes <= 220


def test_autoencoder_is_left_out_of_wide_and_sparse_data(tmp_path: Path) -> None:
    # 7,000 users x 7,000 movies, of which 14,000 pairs are rated.
    count = 7_000
    ids = np.arange(count, dtype=np.int32)
    table = replace(
        tiny_table(),
        users=Vocabulary.from_numbers(ids + 1, "user_"),
        movies=Vocabulary.from_numbers(ids + 1, "movie_"),
        user_index=np.concatenate([ids, ids]),
        movie_index=np.concatenate([ids, np.roll(ids, 1)]),
        ratings=(1 + np.arange(2 * count) % 5).astype(np.float32),
    )
    rows = np.arange(2 * count)
    split = Split("random", 0, train=rows[:-100], validation=rows[-100:], test=rows[:0])
    with open_work_folder(tmp_path) as folder:
        blend, mse = Teacher(prepare(table, split), folder, TEACHER).find_blend(MODEL.blend)
    assert blend.members == MODEL.blend.members
    assert blend.weights is not None
    assert blend.weights[-1] == 0
    assert "auto_encoder" not in mse


@pytest.mark.long
def test_quick_distillation_publishes_a_model_of_a_smaller_teacher(tmp_path: Path) -> None:
    places = ["--work", str(tmp_path / "work"), "--store", str(tmp_path / "store")]
    file = str(tiny_file(tmp_path))
    result = CliRunner().invoke(app, ["fit", "--quick", "--data", file, *places])
    assert result.exit_code == 0, result.output
    training = open_artefact(tmp_path / "store" / "compact").manifest.training
    assert training.recipe["blend"] == {"members": ["ordinal", "gaussian"], "weights": [0.5, 0.5]}
    assert training.recipe["teacher"]["ordinal"]["sweeps"] == 60
    assert "validation: " not in result.output


@pytest.mark.long
def test_quick_distillation_has_distributions_that_agree_with_the_test_rows(tmp_path: Path) -> None:
    places = ["--work", str(tmp_path / "work"), "--store", str(tmp_path / "store")]
    result = CliRunner().invoke(app, ["fit", "--quick", "--data", str(BUNDLED), *places])
    assert result.exit_code == 0, result.output
    artefact = open_artefact(tmp_path / "store" / "compact")
    assert artefact.uncertainty is not None
    dataset = make_dataset(load_ratings(BUNDLED))
    test, warm = dataset.test, (dataset.users.warm, dataset.movies.warm)
    rated, _ = predict_all(read_tables(artefact.archive).rate, artefact.fallback, test, *warm)
    cumulative = artefact.uncertainty.cumulative(test.user_index, test.movie_index, rated)
    level = levels_of(artefact.uncertainty.spreads.levels, test.ratings)
    assert distance_from_uniform(randomised_pit(cumulative, level, 0)) < 0.03


def test_shipped_distilled_models_have_the_published_names_and_limits() -> None:
    assert list(DISTILLED) == ["tiny", "compact", "accurate"]
    assert [model.student.max_bytes for model in DISTILLED.values()] == [24_950, 38_000, 471_872]
    assert DISTILLED["compact"].student.max_parameters == 117_968


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["large"], "there is no distilled model 'large'"), (["tiny", "tiny"], "a model is named twice")],
)
def test_distil_rejects_unknown_or_repeated_model_names(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["distil", *arguments])
    assert message in str(result.exception)


@pytest.mark.parametrize(
    "bad",
    [
        {"members": ("ordinal",), "weights": (0.5,)},
        {"members": ("ordinal", "ordinal")},
        {"members": ("ordinal", "gaussian"), "weights": (1.0,)},
        {"members": ()},
    ],
)
def test_blend_rejects_inconsistent_members_and_weights(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"weight|member|item"):
        Blend(**bad)


def test_sampler_settings_without_any_sample_are_rejected() -> None:
    with pytest.raises(ValueError, match="no sample is kept"):
        BayesianFactorsSettings(sweeps=10, burn_in=10)


def test_a_sample_of_the_pairs_gives_the_student_of_all_pairs(tmp_path: Path) -> None:
    data, settings = dataset(), MODEL.student.model_copy(update={"max_bytes": None})
    with open_work_folder(tmp_path) as folder:
        teacher = Teacher(data, folder, TEACHER, tile_users=3)
        predictions = teacher.predictions(LARGE_BLEND)
        assert not list(tmp_path.rglob(PREDICTIONS))
        observed = teacher.observed
        every = observed.users * observed.movies
        sample = make_tiles(observed, 3, seed=0, most_pairs=every * 2 // 3, least_movies=1)
        assert sum(tile.shape[0] * tile.shape[1] for tile in sample) < 0.75 * every
        users, movies = np.indices((observed.users, observed.movies), dtype=np.int32).reshape(2, -1)
        of_teacher = teacher.member("variational").predict_pairs(users, movies)
        errors = []
        for tiles in (teacher.tiles, sample):
            student = fit_student(observed, predictions, settings, tiles, seed=0)
            errors.append(np.mean((student.predict(users, movies) - of_teacher) ** 2))
    # Measured: 0.000004 from all pairs and 0.0040 from the sample, where the variance is 2.0.
    assert errors[0] < 1e-4 * of_teacher.var()
    assert errors[1] < 0.01 * of_teacher.var()
