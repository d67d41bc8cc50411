"""What a model may weigh, as somebody writes it: `64KB`, `64KiB`, `100000params`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from training.errors import SettingsError

# KB is a thousand bytes and KiB 1,024, as disks and memory are sold (IEC 80000-13).
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
    """The most that a model's weights may come to; ids are not counted.

    Attributes:
        amount: So many.
        unit: Of `bytes` as stored, or of `parameters`: logical scalars, each counted once whatever its bits.
    """

    amount: int
    unit: Literal["bytes", "parameters"]

    @property
    def max_bytes(self) -> int | None:
        """The limit in bytes, None where it is one of parameters."""
        return self.amount if self.unit == "bytes" else None

    @property
    def max_parameters(self) -> int | None:
        """The limit in parameters, None where it is one of bytes."""
        return self.amount if self.unit == "parameters" else None

    @property
    def floats(self) -> int:
        """How many float32 weights fit: a parameter each, or four bytes."""
        return self.amount if self.unit == "parameters" else self.amount // 4

    def holds(self, parameters: int, nbytes: int) -> bool:
        """Whether a model of so many parameters and bytes fits."""
        return (nbytes if self.unit == "bytes" else parameters) <= self.amount

    def __str__(self) -> str:
        return f"{self.amount:,} {self.unit}"


def parse_budget(text: str) -> Budget:
    """The budget that `text` writes.

    Args:
        text: A number (commas or underscores between digits are fine), then `B`, `KB`, `MB`, `GB`, `KiB`,
            `MiB`, `GiB` or `params`, in capitals or not; `100kparams` is 100,000.

    Raises:
        SettingsError: It is no such text, has no unit, or comes to less than 1.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise SettingsError(f"--budget: {text!r} is not a budget; it takes a number and a unit, {_EXAMPLES}")
    factor, unit = (found["factor"] or "").lower(), (found["unit"] or "").lower()
    if not unit:
        raise SettingsError(f"--budget: {text!r} says no unit; add one, {_EXAMPLES}")
    number = float(found["amount"].replace(",", "").replace("_", ""))
    amount = int(round(number * _FACTORS[factor], 6))
    if amount < 1:
        raise SettingsError(f"--budget: {text!r} comes to nothing; the smallest legal budget is 1")
    return Budget(amount, "parameters" if unit.startswith("p") else "bytes")
