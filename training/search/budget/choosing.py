"""Trying what fits a budget on validation rows, and making the best of it from all training rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from training.distillation.base.settings import DistillationRecipe, DistilledModel
from training.distillation.distilling import to_rating_model
from training.models.rating_model import RatingModel
from training.search.budget.budget import Budget
from training.search.budget.proposals import Proposal
from training.search.candidates import TILE_USERS, Bench, Made, Plan
from training.settings import ModelSettings, Recipe, Settings

# Rows held out of the final fit to stop it in time, where gradients make the model.
FINAL_VALIDATION: Final = 0.01

OnTried = Callable[["Tried"], None]
"""Called with each model that was tried."""


class Tried(Settings):
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
    tried: tuple[Tried, ...]
    chosen: str
    fitted: Recipe | None
    distilled: DistillationRecipe | None
    seed: int


@dataclass(frozen=True)
class Chosen:
    """The best model, made from all training rows and ready to publish.

    Attributes:
        settings: What was built.
        recipe: How it came about.
        made: The model.
        model: The Keras models, on indices and on ids.
        history: One number an epoch, or a round of least squares.
        seed: Of every random draw.
    """

    settings: ModelSettings
    recipe: BudgetRecipe
    made: Made
    model: RatingModel
    history: dict[str, list[float]]
    seed: int

    @property
    def epochs(self) -> int:
        """Epochs or rounds that were run."""
        return len(next(iter(self.history.values())))

    @property
    def seconds(self) -> float:
        """Wall time of making it, without a shared teacher's."""
        return self.made.seconds


def try_all(bench: Bench, budget: Budget, proposals: list[Proposal], on_tried: OnTried) -> list[Tried]:
    """Make each proposal and see how it does on validation rows.

    Args:
        bench: On a dataset with validation rows.
        budget: What every one of them must fit.
        proposals: What to make.
        on_tried: Told about each.
    """
    tried = []
    for proposal in proposals:
        made = bench.make(proposal.plan)
        assert budget.holds(made.parameters, made.nbytes), f"{proposal.label} outgrew the budget"
        mse = made.errors_on(bench.dataset.validation, bench.dataset).mse
        one = Tried(
            label=proposal.label,
            parameters=made.parameters,
            nbytes=made.nbytes,
            validation_mse=round(mse, 6),
            seconds=round(made.seconds, 1),
        )
        tried.append(one)
        on_tried(one)
    return tried


def best_of(tried: list[Tried]) -> Tried:
    """The lowest validation error; of equals the smallest."""
    return min(tried, key=lambda one: (one.validation_mse, one.nbytes))


def make_chosen(bench: Bench, proposal: Proposal, budget: Budget, tried: list[Tried], name: str) -> Chosen:
    """The best proposal made anew.

    Args:
        bench: On a dataset without validation rows, or with few (`FINAL_VALIDATION`) where gradients are to
            be stopped in time.
        proposal: The best.
        budget: What was asked for.
        tried: All that was tried.
        name: Of the model.
    """
    description = f"{proposal.label[0].upper()}{proposal.label[1:]}: the best within {budget}."
    made = bench.make(_final(proposal.plan))
    student = made.plan.student
    distilled = None
    if made.student is None:
        assert made.fitted is not None
        model, history = made.fitted.model, made.fitted.history
        named = model.settings.model_copy(update={"name": name, "description": description})
        model = RatingModel(named, model.num_users, model.num_movies, model.indexed)
    else:
        assert student is not None
        history = {"objective": list(made.student.objective)}
        wanted = DistilledModel(name=name, description=description, blend=bench.blend, student=student)
        model = to_rating_model(wanted, made.student)
        if made.fitted is None:
            distilled = DistillationRecipe(
                seed=bench.seed,
                tile_users=TILE_USERS,
                teacher=bench.teacher,
                blend=bench.blend,
                student=student,
            )
    recipe = BudgetRecipe(
        budget=str(budget),
        tried=tuple(tried),
        chosen=proposal.label,
        fitted=made.fitted.recipe if made.fitted else None,
        distilled=distilled,
        seed=bench.seed,
    )
    return Chosen(model.settings, recipe, made, model, history, bench.seed)


def _final(plan: Plan) -> Plan:
    """The plan with a recipe that fits the final dataset's validation rows."""
    if plan.recipe is None:
        return plan
    recipe = plan.recipe.model_copy(update={"validation_fraction": FINAL_VALIDATION})
    return plan.model_copy(update={"recipe": recipe})
