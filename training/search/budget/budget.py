"""A budget search: the size limit (`64KB`, `64KiB`, `100000params`), the effort, and its record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from training.distillation.base.settings import (
    BayesianFactorsSettings,
    DistillationRecipe,
    StudentSettings,
    TeacherSettings,
)
from training.errors import SettingsError
from training.settings import Recipe, Settings

# KB is a thousand bytes and KiB 1,024, according to IEC 80000-13.
_FACTORS: Final = {
    "": 1,
    "k": 1_000,
    "m": 1_000_000,
    "g": 1_000_000_000,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
}
_FORM: Final = re.compile(
    r"(?P<amount>\d[\d_,]*(?:\.\d+)?)\s*(?P<factor>[kmg]i?)?\s*(?P<unit>bytes|byte|b|parameters|params|param)?",
    re.IGNORECASE,
)
_EXAMPLES: Final = "such as 64KB (64,000 bytes), 64KiB (65,536 bytes) or 100000params"


@dataclass(frozen=True)
class Budget:
    """The maximum size of a model's weights; ids are not counted.

    Attributes:
        amount: The limit, in `unit`.
        unit: `bytes` as stored, or `parameters`: logical scalars, each counted once regardless of its bits.
    """

    amount: int
    unit: Literal["bytes", "parameters"]

    @property
    def student_limit(self) -> dict[str, int]:
        """The limit as a field of `StudentSettings`: `max_bytes` or `max_parameters`."""
        return {f"max_{self.unit}": self.amount}

    @property
    def floats(self) -> int:
        """Number of float32 weights that fit: one parameter or four bytes each."""
        return self.amount if self.unit == "parameters" else self.amount // 4

    def holds(self, parameters: int, nbytes: int) -> bool:
        """Return whether a model with this number of parameters and bytes fits."""
        return (nbytes if self.unit == "bytes" else parameters) <= self.amount

    def __str__(self) -> str:
        return f"{self.amount:,} {self.unit}"


def parse_budget(text: str) -> Budget:
    """Parse a budget.

    Args:
        text: A number (commas or underscores between digits are allowed), then `B`, `KB`, `MB`, `GB`, `KiB`,
            `MiB`, `GiB` or `params`, in any case; `100kparams` is 100,000.

    Raises:
        SettingsError: If the text has another form, has no unit, or amounts to less than 1.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise SettingsError(f"--budget: {text!r} is not a budget; it takes a number and a unit, {_EXAMPLES}")
    factor, unit = (found["factor"] or "").lower(), (found["unit"] or "").lower()
    if not unit:
        raise SettingsError(f"--budget: {text!r} has no unit; add one, {_EXAMPLES}")
    number = float(found["amount"].replace(",", "").replace("_", ""))
    amount = int(round(number * _FACTORS[factor], 6))
    if amount < 1:
        raise SettingsError(f"--budget: {text!r} is less than 1; the smallest legal budget is 1")
    return Budget(amount, "parameters" if unit.startswith("p") else "bytes")


class Effort(Settings):
    """Limits of computation; lower limits give worse models sooner.

    Attributes:
        least_ratings_to_teach: With fewer training ratings than this, no shared teacher is used, because a
            student learns as much from the ratings alone.
        teacher: The shared teacher; None for one that fits in minutes for any number of ratings.
        epochs: Maximum number of epochs; None for each recipe's own.
        rounds: Maximum number of rounds of least squares; None for the student's own.
        factors: Maximum number of factors of a packed student; None for the best number for the budget.
    """

    least_ratings_to_teach: int = 20_000
    teacher: TeacherSettings | None = None
    epochs: int | None = None
    rounds: int | None = None
    factors: int | None = None

    def teacher_for(self, ratings: int) -> TeacherSettings:
        """Return the shared teacher for this number of training ratings."""
        if self.teacher is not None:
            return self.teacher
        sweeps = 60 if ratings < 200_000 else 130 if ratings < 2_000_000 else 40
        return TeacherSettings(ordinal=BayesianFactorsSettings(noise="ordinal", sweeps=sweeps))

    def limit_recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe with its epochs limited."""
        epochs = recipe.epochs if self.epochs is None else min(self.epochs, recipe.epochs)
        return recipe.model_copy(update={"epochs": epochs})

    def limit_student(self, student: StudentSettings) -> StudentSettings:
        """Return the student with its factors and rounds limited."""
        rounds = student.float_rounds + student.packed_rounds if self.rounds is None else self.rounds
        return student.model_copy(
            update={
                "rank": min(student.rank, self.factors or student.rank),
                "float_rounds": min(student.float_rounds, rounds),
                "packed_rounds": min(student.packed_rounds, rounds),
            }
        )


FULL: Final = Effort()


class Trial(Settings):
    """A model that was tried, as the manifest records it.

    Attributes:
        label: Short description.
        parameters: Number of logical scalars before packing.
        nbytes: Bytes of all arrays, without ids.
        validation_mse: MSE on validation rows.
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
