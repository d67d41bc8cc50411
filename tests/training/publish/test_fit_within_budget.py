"""Fitting within a budget: from ratings to an artefact that fits and records how it was chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.builders import tiny_file
from tests.training.search.budget.test_proposals import BRIEF
from training.artefact import open_artefact
from training.artefact.engine import count_twins, read_tables
from training.artefact.manifest import BiasesRecord
from training.cli.app import app
from training.data.readers.ratings import load_ratings
from training.errors import SettingsError
from training.fit.evaluation import evaluate
from training.models.loading import load_indexed_keras_model
from training.models.trained import predict
from training.publish.options import DataOptions, PublishOptions
from training.publish.plan import VALIDATION
from training.publish.progress import Progress
from training.publish.workflow import fit_within_budget
from training.search.budget.budget import Budget, BudgetRecipe, Trial
from training.search.budget.selection import best_of


class Notes(Progress):
    """Collects the labels of all trials, and the tasks that were planned and run."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.planned: list[list[str]] = []
        self.run: list[str] = []

    def on_plan(self, shares: Mapping[str, float]) -> None:
        assert sum(shares.values()) == pytest.approx(1)
        self.planned.append(list(shares))

    def on_step(self, task: str, done: int, total: int, losses: Mapping[str, float] | None = None) -> None:
        if task not in self.run[-1:]:
            self.run.append(task)

    def on_trial(self, trial: Trial) -> None:
        self.tried.append(trial.label)


@pytest.mark.long
@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        ("0.4KB", Budget(400, "bytes")),
        ("900params", Budget(900, "parameters")),
    ],
)
def test_artefact_fits_the_budget_and_records_all_trials(budget: str, limit: Budget, tmp_path: Path) -> None:
    data, options, progress = DataOptions(tiny_file(tmp_path)), PublishOptions(tmp_path / "store"), Notes()
    published, page = fit_within_budget(
        budget, "mine", data, options, work=tmp_path / "work", seed=1, effort=BRIEF, progress=progress
    )
    artefact = open_artefact(tmp_path / "store" / "mine")
    manifest = artefact.manifest
    assert manifest == published
    assert page == tmp_path / "store" / "report.html" and "mine" in page.read_text()
    assert limit.holds(manifest.parameters.total, manifest.weights_bytes)
    assert manifest.weights_bytes == sum(table.bytes for table in manifest.parameters.tables)
    assert manifest.fallback == BiasesRecord(kind="biases")
    assert artefact.given is not None and len(artefact.given) == manifest.dataset.rows
    recipe = BudgetRecipe.model_validate(manifest.training.recipe)
    assert recipe.budget == str(limit)
    assert all(limit.holds(one.parameters, one.nbytes) for one in recipe.tried)
    best = min(recipe.tried, key=lambda one: one.validation_mse)
    assert recipe.chosen == best.label
    assert progress.tried == [one.label for one in recipe.tried]
    search, final = progress.planned
    planned = [*(task for task in search if task.startswith(VALIDATION)), *final]
    # A fit of a few batches reports no step.
    assert [task for task in planned if task in progress.run] == progress.run
    assert progress.run[-1] == planned[-1]
    counted = count_twins(read_tables(artefact.archive), artefact.users.warm, artefact.movies.warm)
    assert manifest.distinct_vectors == counted
    assert f"{counted.users.distinct} of {counted.users.ids}" in page.read_text()
    # The error in the manifest is that of the stored file.
    dataset = data.dataset(load_ratings(data.path), 0.01 if recipe.fitted else 0.0)
    model = load_indexed_keras_model(artefact)
    again = evaluate(partial(predict, model), artefact.fallback, dataset)
    assert abs(again.mse - manifest.accuracy.mse) < 1e-5


@pytest.mark.long
def test_command_prints_trials_and_refusals(tmp_path: Path) -> None:
    command = ["fit", "--budget", "250B", "--data", tiny_file(tmp_path)]
    command += ["--store", tmp_path / "store", "--work", tmp_path / "work"]
    done = CliRunner().invoke(app, list(map(str, command)), catch_exceptions=False)
    assert done.exit_code == 0
    manifest = open_artefact(tmp_path / "store" / "budget").manifest
    (trial,) = BudgetRecipe.model_validate(manifest.training.recipe).tried
    assert f"{trial.label}: validation MSE {trial.validation_mse:.4f}" in done.stdout
    assert "left out: quotient-remainder and biases (needs 380 bytes)" in done.stdout
    assert f"{trial.label} has the least error" in " ".join(done.stdout.split())
    assert re.search(rf"budget +│ +{manifest.weights_bytes} ", done.stdout)


def test_best_of_prefers_the_smallest_among_equals() -> None:
    def tried(label: str, nbytes: int, mse: float) -> Trial:
        return Trial(label=label, parameters=1, nbytes=nbytes, validation_mse=mse, seconds=0.0)

    assert best_of([tried("a", 9, 0.7), tried("b", 5, 0.7), tried("c", 1, 0.8)]).label == "b"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "64"], "has no unit"),
        (["--budget", "100B"], r"smallest legal budget for 610 users and 9724 movies is \d+ bytes"),
        (["baseline", "--budget", "64KB"], "leave out MODEL"),
        (["--embedding-dim", "8", "--budget", "64KB"], "leave out --embedding-dim"),
        (["--recipe", "reference", "--budget", "64KB"], "leave out --recipe"),
        (["--quick", "--budget", "64KB"], "leave out --quick"),
        (["baseline", "--name", "mine"], "--name applies to --budget only"),
    ],
)
def test_invalid_options_are_reported(arguments: list[str], message: str, tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["fit", *arguments, "--store", str(tmp_path)])
    assert isinstance(refused.exception, SettingsError)
    with pytest.raises(SettingsError, match=message):
        raise refused.exception
