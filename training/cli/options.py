"""Options shared by several commands, their parsing, and the handling of Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Final, ParamSpec

import typer

from training.data.duplicates import Repeats as RepeatsKind
from training.data.files.columns import ColumnNames
from training.data.readers.scale import DEFAULT_SCALE, parse_not_rated, parse_scale
from training.data.readers.scale import NotRated as NotRatedValues
from training.data.split import SplitKind
from training.errors import SettingsError

_Params = ParamSpec("_Params")

# Folder of unfinished work. The image sets the variable, because only its volume is writable.
RUNS: Final = Path(os.environ.get("STARS_RUNS", "runs"))

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        readable=False,  # not to be checked here: the loader's own line says more
        help="A file of ratings (MovieLens of any layout, CSV, JSON, Parquet, packed or not), or the folder "
        "that it or its parts lie in.",
        show_default="the bundled ml-latest-small",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="Columns of a file with unusual names: user=NAME,movie=NAME,rating=NAME,time=NAME, any of them, "
        "or the names in this order. In a file without a header their numbers: user=2,movie=1,rating=3."
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(help="Lowest and highest rating, such as 1:10.", show_default="0:5"),
]
NotRated = Annotated[
    str | None,
    typer.Option(
        help="Ratings that mean 'not rated', with commas between, whose rows are left out: 99, or -1,99, or "
        "NA, or empty for a missing one. With none, every value is a rating."
    ),
]
Repeats = Annotated[
    RepeatsKind, typer.Option(help="Which rating counts where a user rates a movie more than once.")
]
NullIds = Annotated[
    bool,
    typer.Option("--keep-null-ids", help="NULL, None, nan and NA are ids of somebody, and no missing ones."),
]
Items = Annotated[
    Path | None,
    typer.Option(
        "--items",
        readable=False,
        help="A file of titles: columns for the id, the title and, perhaps, categories.",
        show_default="MovieLens's own beside the ratings",
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
        SettingsError: It names no columns.
    """
    return None if text is None else ColumnNames.parse(text)


def rating_scale(text: str | None) -> tuple[float, float]:
    """What `--scale` says, or the default scale.

    Raises:
        SettingsError: It is no scale.
    """
    return DEFAULT_SCALE if text is None else parse_scale(text)


def not_rated_values(text: str | None) -> NotRatedValues | None:
    """What `--not-rated` says; None where it is not given.

    Raises:
        SettingsError: It says nothing.
    """
    return None if text is None else parse_not_rated(text)


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
