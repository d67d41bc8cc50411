"""The budget of a search, parsed from `64KB`, `64KiB` or `100000params`, and its record in the manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from training.distillation.base.settings import DistillationRecipe
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
    def max_bytes(self) -> int | None:
        """The limit in bytes; None if it is in parameters."""
        return self.amount if self.unit == "bytes" else None

    @property
    def max_parameters(self) -> int | None:
        """The limit in parameters; None if it is in bytes."""
        return self.amount if self.unit == "parameters" else None

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
