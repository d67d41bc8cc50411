"""Options that several commands have, how they are parsed, and how Ctrl-C ends a command."""

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

# Where unfinished work is kept. The image sets the variable, since only its volume can be written.
RUNS: Final = Path(os.environ.get("STARS_RUNS", "runs"))

DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        readable=False,  # not to be checked here: the loader's own line says more
        help="A MovieLens folder of any layout, a CSV or Parquet file of ratings, or the folder it lies in.",
        show_default="the bundled ml-latest-small",
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        help="Names of the user, movie, rating and (optional) time columns of a CSV or Parquet file, "
        "such as customer,film,stars,when. Common names are recognised without it."
    ),
]
SplitOption = Annotated[SplitKind, typer.Option("--split", help="How test rows are chosen.")]
SplitSeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 2, help="Seed of the random split.")]
StoreOption = Annotated[
    Path, typer.Option(envvar="STARS_STORE", help="Where the artefacts go, one folder a model.")
]
ShareableOption = Annotated[
    bool,
    typer.Option(
        "--shareable",
        help="The store is to be passed on: no ratings, and titles only where the data's licence allows it.",
    ),
]
RatingsOption = Annotated[
    bool,
    typer.Option(
        "--ratings/--no-ratings",
        help="Whether all ratings of the data travel with each artefact, for the service to say what a user "
        "gave and to leave out what they rated; never with --shareable.",
    ),
]
ArtefactArgument = Annotated[
    Path, typer.Argument(readable=False, help="A model's folder, such as models_store/baseline.")
]


def column_names(text: str | None) -> ColumnNames | None:
    """What `--columns` names; None where it is not given.

    Raises:
        SettingsError: It is not three or four names.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not 3 <= len(names) <= 4:
        raise SettingsError(
            "--columns takes the user, movie, rating and (optional) time column with commas between"
        )
    return ColumnNames(*names)


def whole_numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    """`1,2,3` as numbers; None stays None.

    Raises:
        SettingsError: It is something else.
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(
            f"{option} takes whole numbers with commas between, such as 400,1300,2006"
        ) from error


def interruptible(command: Callable[_Params, None]) -> Callable[_Params, None]:
    """The command, which Ctrl-C ends with a line and exit code 130."""

    @wraps(command)
    def run(*args: _Params.args, **kwargs: _Params.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo("\nstopped; what was not finished was not published", err=True)
            raise typer.Exit(130) from None

    return run
