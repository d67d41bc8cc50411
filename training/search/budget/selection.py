"""Trying what fits a budget on validation rows, and training the best of it on all training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from training.distillation.base.settings import DistillationRecipe
from training.distillation.distiller import errors_on
from training.models.trained import TrainedModel
from training.search.budget.budget import Budget
from training.search.budget.recipe import BudgetRecipe, Trial
from training.search.candidates import Candidate, CandidateTrainer
from training.settings import Recipe

# Rows held out of the final fit to stop it in time, where gradients make the model.
_FINAL_VALIDATION: Final = 0.01

OnTrial = Callable[[Trial], None]
"""Called with each model that was tried."""


def try_all(
    trainer: CandidateTrainer, budget: Budget, candidates: Sequence[Candidate], on_trial: OnTrial
) -> list[Trial]:
    """Train each candidate and measure it on validation rows.

    Args:
        trainer: On a dataset with validation rows.
        budget: What every one of them must fit.
        candidates: What to train.
        on_trial: Called with each.
    """
    trials = []
    for candidate in candidates:
        trained = trainer.train(candidate)
        assert budget.holds(trained.parameters, trained.nbytes), f"{candidate.label} outgrew the budget"
        mse = errors_on(trained, trainer.dataset.validation, trainer.dataset).mse
        trial = Trial(
            label=candidate.label,
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


def final_fraction(candidate: Candidate) -> float:
    """Part of the rows to hold out of the final training: some, where gradients must stop in time."""
    return 0.0 if candidate.recipe is None else _FINAL_VALIDATION


def train_best(
    trainer: CandidateTrainer, candidate: Candidate, budget: Budget, trials: list[Trial], name: str
) -> TrainedModel:
    """The best candidate trained anew.

    Args:
        trainer: On a dataset with `final_fraction` of its rows held out.
        candidate: The best.
        budget: What was asked for.
        trials: All that was tried.
        name: Of the model.
    """
    description = f"{candidate.label[0].upper()}{candidate.label[1:]}: the best within {budget}."
    if candidate.recipe is not None:
        final = candidate.recipe.model_copy(update={"validation_fraction": final_fraction(candidate)})
        candidate = candidate.model_copy(update={"recipe": final})
    trained = trainer.train(candidate)
    recipe = BudgetRecipe(
        budget=str(budget),
        tried=tuple(trials),
        chosen=candidate.label,
        fitted=trained.recipe if isinstance(trained.recipe, Recipe) else None,
        distilled=trained.recipe if isinstance(trained.recipe, DistillationRecipe) else None,
        seed=trainer.seed,
    )
    settings = trained.settings.model_copy(update={"name": name, "description": description})
    model = replace(trained.model, settings=settings)
    return replace(trained, model=model, recipe=recipe, seed=trainer.seed)
