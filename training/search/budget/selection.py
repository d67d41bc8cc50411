"""Tries candidates on validation rows and trains the best one on all training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from training.data.split import SplitKind
from training.distillation.base.settings import DistillationRecipe
from training.distillation.distiller import errors_on
from training.fit.recipes import BIASED
from training.models.trained import TrainedModel
from training.search.budget.budget import Budget, BudgetRecipe, Trial
from training.search.candidates import Candidate, CandidateTrainer
from training.settings import Recipe

# Fraction of rows held out of a final fit by gradients, for early stopping.
_FINAL_VALIDATION: Final = 0.01
# Fraction of rows to choose on where they are the last ones in time. A model that is best for the next few
# days is not the best for as long as the test rows take, so both parts have the same fraction.
_NEXT_IN_TIME: Final = 0.15

OnTrial = Callable[[Trial], None]
"""Called with each model that was tried."""


def try_all(
    trainer: CandidateTrainer, budget: Budget, candidates: Sequence[Candidate], on_trial: OnTrial
) -> list[Trial]:
    """Train each candidate and measure it on validation rows.

    Args:
        trainer: Trainer on a dataset with validation rows.
        budget: Budget that every candidate fits.
        candidates: The models to train.
        on_trial: Called with each result.
    """
    dataset = trainer.teacher.dataset
    trials = []
    for candidate in candidates:
        trained = trainer.train(candidate)
        assert budget.holds(trained.parameters, trained.nbytes), f"{candidate.label} exceeds the budget"
        mse = errors_on(trained, dataset.validation, dataset).mse
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
    """Return the trial with the lowest validation error; among equals, the smallest model."""
    return min(trials, key=lambda trial: (trial.validation_mse, trial.nbytes))


def choice_fraction(kind: SplitKind) -> float:
    """Return the fraction of the training rows to choose the best model on, for a kind of split."""
    return _NEXT_IN_TIME if kind == "time" else BIASED.validation_fraction


def final_fraction(candidate: Candidate) -> float:
    """Return the fraction of rows to hold out of the final training, for early stopping if any."""
    return 0.0 if candidate.recipe is None else _FINAL_VALIDATION


def train_best(
    trainer: CandidateTrainer, candidate: Candidate, budget: Budget, trials: list[Trial], name: str
) -> TrainedModel:
    """Train the best candidate for publication.

    Args:
        trainer: Trainer on a dataset with `final_fraction` of its rows held out.
        candidate: The best candidate.
        budget: The budget of the search.
        trials: All results.
        name: Name of the model.
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
        seed=trainer.teacher.seed,
    )
    settings = trained.settings.model_copy(update={"name": name, "description": description})
    model = replace(trained.model, settings=settings)
    return replace(trained, model=model, recipe=recipe, seed=trainer.teacher.seed)
