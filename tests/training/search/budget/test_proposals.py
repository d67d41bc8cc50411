from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from tests.builders import tiny_table
from training.data.dataset import Dataset, make_dataset
from training.distillation.base.settings import BayesianFactorsSettings, TeacherSettings
from training.distillation.base.work_folder import WorkFolder
from training.distillation.teacher.teacher import Teacher
from training.errors import SettingsError
from training.fit.recipes import BIASED
from training.search.budget.budget import Budget, Effort
from training.search.budget.proposals import propose
from training.search.candidates import CandidateTrainer

BRIEF = Effort(
    least_ratings_to_teach=0,
    teacher=TeacherSettings(
        ordinal=BayesianFactorsSettings(rank=2, sweeps=4, burn_in=1, thin=1, kernel_rank=4)
    ),
    epochs=1,
    rounds=1,
    factors=6,
)
"""Uses a teacher for tiny sets too, and fits everything for one epoch or round."""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return make_dataset(tiny_table(), "random", 0, BIASED.validation_fraction)


@pytest.mark.long
@pytest.mark.parametrize(
    "budget",
    [Budget(1_200, "bytes"), Budget(900, "parameters")],
    ids=str,
)
def test_every_proposal_fits_the_budget(dataset: Dataset, budget: Budget, tmp_path: Path) -> None:
    trainer = CandidateTrainer(Teacher(dataset, WorkFolder(tmp_path), BRIEF.teacher))
    proposals, _ = propose(dataset, budget, seed=0, effort=BRIEF)
    assert any(proposal.model is None for proposal in proposals)
    for proposal in proposals:
        trained = trainer.train(proposal)
        assert budget.holds(trained.parameters, trained.nbytes), proposal.label
        assert trained.fallback.by_biases


def test_large_budget_has_no_refusals(dataset: Dataset) -> None:
    proposals, refusals = propose(dataset, Budget(100_000, "bytes"), seed=0, effort=BRIEF)
    assert len(proposals) == 5
    assert refusals == []


@pytest.mark.parametrize("unit", ["bytes", "parameters"])
def test_error_states_the_smallest_legal_budget(
    dataset: Dataset, unit: Literal["bytes", "parameters"]
) -> None:
    with pytest.raises(SettingsError, match="smallest legal budget for 30 users and 40 movies is") as refused:
        propose(dataset, Budget(1, unit), seed=0, effort=BRIEF)
    smallest = int(str(refused.value).split(" is ")[1].split()[0])
    proposals, _ = propose(dataset, Budget(smallest, unit), seed=0, effort=BRIEF)
    assert len(proposals) >= 1
    with pytest.raises(SettingsError):
        propose(dataset, Budget(smallest - 1, unit), seed=0, effort=BRIEF)


def test_every_refusal_states_the_smallest_budget_that_fits(dataset: Dataset) -> None:
    _, refusals = propose(dataset, Budget(400, "bytes"), seed=0, effort=BRIEF)
    assert len(refusals) >= 2
    for refusal in refusals:
        enough, _ = propose(dataset, refusal.smallest, seed=0, effort=BRIEF)
        short, _ = propose(dataset, Budget(refusal.smallest.amount - 1, "bytes"), seed=0, effort=BRIEF)
        assert len(enough) == len(short) + 1, refusal


def test_few_ratings_use_no_shared_teacher(dataset: Dataset) -> None:
    proposals, _ = propose(dataset, Budget(100_000, "bytes"), seed=0)
    assert len(proposals) == 4
    assert all(proposal.model is not None for proposal in proposals)
