"""Trying what fits a budget on validation rows, and training the best of it on all training rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from training.distillation.base.settings import DistillationRecipe
from training.distillation.distiller import to_rating_model
from training.models.trained import TrainedModel
from training.search.budget.budget import Budget
from training.search.budget.proposals import Proposal
from training.search.candidates import TILE_USERS, CandidateTrainer
from training.settings import Recipe, Settings

# Rows held out of the final fit to stop it in time, where gradients make the model.
_FINAL_VALIDATION: Final = 0.01

OnTrial = Callable[["Trial"], None]
"""Called with each model that was tried."""


class Trial(Settings):
    """A model that was tried, as the manifest records it.

    Attributes:
        label: What it is, in a few words.
        parameters: Logical scalars before packing.
        nbytes: Bytes of all arrays, ids apart.
        validation_mse: In squared stars, on rows that it was not fitted on.
        seconds: Wall time, without the shared teacher's.
    """

    label: str
    parameters: int
    nbytes: int
    validation_mse: float
    seconds: float


class BudgetRecipe(Settings):
    """How a model came out of a budget: what the manifest records.

    Attributes:
        name: Always `budget`.
        budget: What the weights might come to.
        tried: All that was tried, and how it did on validation rows.
        chosen: The label of the best.
        fitted: How it was fitted by gradients; None where it was only distilled.
        distilled: How it was distilled from a teacher; None where it was not, or from itself.
        seed: Of every random draw.
    """

    name: Literal["budget"] = "budget"
    budget: str
    tried: tuple[Trial, ...]
    chosen: str
    fitted: Recipe | None
    distilled: DistillationRecipe | None
    seed: int


def try_all(
    trainer: CandidateTrainer, budget: Budget, proposals: list[Proposal], on_trial: OnTrial
) -> list[Trial]:
    """Train each proposal and measure it on validation rows.

    Args:
        trainer: On a dataset with validation rows.
        budget: What every one of them must fit.
        proposals: What to train.
        on_trial: Called with each.
    """
    trials = []
    for proposal in proposals:
        trained = trainer.train(proposal.candidate)
        assert budget.holds(trained.parameters, trained.nbytes), f"{proposal.label} outgrew the budget"
        mse = trained.errors_on(trainer.dataset.validation, trainer.dataset).mse
        trial = Trial(
            label=proposal.label,
            parameters=trained.parameters,
            nbytes=trained.nbytes,
            validation_mse=round(mse, 6),
            seconds=round(trained.seconds, 1),
        )
        trials.append(trial)
        on_trial(trial)
    return trials


def best_of(trials: list[Trial]) -> Trial:
    """The lowest validation error; of equals the smallest."""
    return min(trials, key=lambda trial: (trial.validation_mse, trial.nbytes))


def final_fraction(proposal: Proposal) -> float:
    """Part of the rows to hold out of the final training: some, where gradients must stop in time."""
    return 0.0 if proposal.candidate.recipe is None else _FINAL_VALIDATION


def train_best(
    trainer: CandidateTrainer, proposal: Proposal, budget: Budget, trials: list[Trial], name: str
) -> TrainedModel:
    """The best proposal trained anew.

    Args:
        trainer: On a dataset with `final_fraction` of its rows held out.
        proposal: The best.
        budget: What was asked for.
        trials: All that was tried.
        name: Of the model.
    """
    description = f"{proposal.label[0].upper()}{proposal.label[1:]}: the best within {budget}."
    candidate = proposal.candidate
    if candidate.recipe is not None:
        recipe = candidate.recipe.model_copy(update={"validation_fraction": final_fraction(proposal)})
        candidate = candidate.model_copy(update={"recipe": recipe})
    trained = trainer.train(candidate)
    fitted, student, distilled = trained.fitted, trained.student, None
    if student is None:
        assert fitted is not None
        history, settings = fitted.history, {"name": name, "description": description}
        model = replace(fitted.model, settings=fitted.settings.model_copy(update=settings))
    else:
        assert candidate.student is not None
        history = {"objective": list(student.objective)}
        model = to_rating_model(name, description, student)
        if fitted is None:
            distilled = DistillationRecipe(
                seed=trainer.seed,
                tile_users=TILE_USERS,
                teacher=trainer.teacher,
                blend=trainer.blend,
                student=candidate.student,
            )
    assert fitted is None or isinstance(fitted.recipe, Recipe)
    budget_recipe = BudgetRecipe(
        budget=str(budget),
        tried=tuple(trials),
        chosen=proposal.label,
        fitted=fitted.recipe if fitted else None,
        distilled=distilled,
        seed=trainer.seed,
    )
    return TrainedModel(model, budget_recipe, trainer.seed, history, trained.seconds, trained.fallback)
