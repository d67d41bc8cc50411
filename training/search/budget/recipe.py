"""The manifest's record of a budget search."""

from __future__ import annotations

from typing import Literal

from training.distillation.base.settings import DistillationRecipe
from training.settings import Recipe, Settings


class Trial(Settings):
    """A model that was tried, as the manifest records it.

    Attributes:
        label: Short description.
        parameters: Number of logical scalars before packing.
        nbytes: Bytes of all arrays, without ids.
        validation_mse: MSE on validation rows, in squared stars.
        seconds: Wall-clock time, excluding the shared teacher.
    """

    label: str
    parameters: int
    nbytes: int
    validation_mse: float
    seconds: float


class BudgetRecipe(Settings):
    """How a model was chosen within a budget.

    Attributes:
        name: Always `budget`.
        budget: Maximum size of the weights.
        tried: All models that were tried, with their validation errors.
        chosen: Label of the best model.
        fitted: How it was fitted by gradients; None if it was only distilled.
        distilled: How it was distilled from a shared teacher; None if it was not.
        seed: Seed of every random draw.
    """

    name: Literal["budget"] = "budget"
    budget: str
    tried: tuple[Trial, ...]
    chosen: str
    fitted: Recipe | None
    distilled: DistillationRecipe | None
    seed: int
