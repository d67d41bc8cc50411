"""`fit --budget`: what it takes from the options of `fit`, and which of them it refuses."""

from __future__ import annotations

from typing import Final

import typer

from training.errors import SettingsError

_ALLOWED: Final = frozenset(
    {
        "budget",
        "name",
        "work",
        "data",
        "columns",
        "store",
        "split",
        "split_seed",
        "seed",
        "shareable",
        "ratings",
    }
)


def refuse_other_options(context: typer.Context) -> None:
    """Whatever a budget decides cannot be decided by hand as well.

    Raises:
        SettingsError: An option that says what to train, or how, was given too.
    """
    given = [name for name in context.params if name not in _ALLOWED and _is_given(context, name)]
    if given:
        what = "MODEL" if given[0] == "models" else f"--{given[0].replace('_', '-')}"
        raise SettingsError(f"--budget decides what is trained and how; leave out {what}")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
