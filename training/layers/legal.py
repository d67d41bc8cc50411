"""Argument checks shared by several layers, and the package name that layers are registered under."""

from __future__ import annotations

import operator
from typing import Any, Final

from training.errors import SettingsError

PACKAGE: Final = "stars"


def whole_number(name: str, value: Any, *, least: int = 1) -> int:
    """Return `value` as a plain int.

    Args:
        name: Name of the value, for the message.
        value: An int or a NumPy integer.
        least: Smallest legal value.

    Raises:
        SettingsError: If it is not a whole number, or is below `least`.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise SettingsError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise SettingsError(f"{name} is {number}; the smallest legal {name} is {least}")
    return number
