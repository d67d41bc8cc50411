"""Options shared by several commands, and their parsing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from training.data.duplicates import Repeats as RepeatsKind
from training.data.files.columns import ColumnNames
from training.data.readers.scale import DEFAULT_SCALE, parse_not_rated, parse_scale
from training.data.readers.scale import NotRated as NotRatedValues
from training.data.split import SplitKind
from training.errors import SettingsError

# Folder of unfinished work. The image sets the variable, because only its volume is writable.
RUNS: Final = Path(os.environ.get("STARS_RUNS", "runs"))

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        readable=False,  # the error of the loader is more specific
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
ItemName = Annotated[
    str, typer.Option(help="What the page calls an item, in the singular: book, joke, restaurant.")
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
KeepOthers = Annotated[
    bool,
    typer.Option(
        "--keep-others",
        help="Leave models of another data set on the same rating scale in the store. By default, and always "
        "those on another scale, they are moved to its folder `previous`.",
    ),
]
Artefact = Annotated[
    Path, typer.Argument(readable=False, help="Folder of a model, such as models_store/baseline.")
]


def column_names(text: str | None) -> ColumnNames | None:
    """Parse `--columns`; None if it is not given.

    Raises:
        SettingsError: It does not name columns.
    """
    return None if text is None else ColumnNames.parse(text)


def rating_scale(text: str | None) -> tuple[float, float]:
    """Parse `--scale`; return the default scale for None.

    Raises:
        SettingsError: It is not a valid scale.
    """
    return DEFAULT_SCALE if text is None else parse_scale(text)


def not_rated_values(text: str | None) -> NotRatedValues | None:
    """Parse `--not-rated`; return None for None.

    Raises:
        SettingsError: It is not a list of values.
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
