"""Options shared by several commands, their parsing, and the handling of Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Final, ParamSpec

import typer

from training.data.readers.columns import ColumnNames
from training.data.split import SplitKind
from training.errors import SettingsError

_Params = ParamSpec("_Params")

# Folder of unfinished work. The image sets the variable, because only its volume is writable.
RUNS: Final = Path(os.environ.get("STARS_RUNS", "runs"))

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        readable=False,  # the loader's own error says more
        help="A MovieLens folder of any layout, or a CSV or Parquet file of ratings, or its folder.",
        show_default="the bundled ml-latest-small",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="Names of the user, movie, rating and (optional) time columns of a CSV or Parquet file, "
        "such as customer,film,stars,when. Common names are recognised without it."
    ),
]
Split = Annotated[SplitKind, typer.Option("--split", help="How test rows are chosen.")]
SplitSeed = Annotated[int, typer.Option(min=0, max=2**32 - 2, help="Seed of the random split.")]
Store = Annotated[
    Path, typer.Option(envvar="STARS_STORE", help="Folder of the artefacts, one subfolder per model.")
]
Shareable = Annotated[
    bool,
    typer.Option(
        "--shareable",
        help="Make a store to pass on: no ratings, and titles only if the data's licence allows it.",
    ),
]
Ratings = Annotated[
    bool,
    typer.Option(
        "--ratings/--no-ratings",
        help="Whether each artefact includes all ratings of the data, so that the service can show a user's "
        "ratings and exclude rated movies; never with --shareable.",
    ),
]
Artefact = Annotated[
    Path, typer.Argument(readable=False, help="Folder of a model, such as models_store/baseline.")
]


def column_names(text: str | None) -> ColumnNames | None:
    """Parse `--columns`; None if it is not given.

    Raises:
        SettingsError: If there are not three or four names.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not 3 <= len(names) <= 4:
        raise SettingsError(
            "--columns takes the user, movie, rating and (optional) time columns, separated by commas"
        )
    return ColumnNames(*names)


def whole_numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    """Parse comma-separated whole numbers; return None for None.

    Raises:
        SettingsError: If it has another form.
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(
            f"{option} takes whole numbers separated by commas, such as 400,1300,2006"
        ) from error


def interruptible(command: Callable[_Params, None]) -> Callable[_Params, None]:
    """Wrap a command so that Ctrl-C ends it with a one-line message and exit code 130."""

    @wraps(command)
    def run(*args: _Params.args, **kwargs: _Params.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo("\ninterrupted; unfinished models were not published", err=True)
            raise typer.Exit(130) from None

    return run
