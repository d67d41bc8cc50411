"""How a model came out of a budget: what the manifest records."""

from __future__ import annotations

from typing import Literal

from training.distillation.base.settings import DistillationRecipe
from training.settings import Recipe, Settings


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
    """How a model was chosen.

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
