"""Parameters that several commands share, and their parsing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from training.artefact.manifest import DEFAULT_ITEM_NAME
from training.data.duplicates import Repeats as RepeatsKind
from training.data.files.columns import ColumnNames
from training.data.files.remote import parse_place
from training.data.readers.scale import DEFAULT_SCALE, parse_not_rated, parse_scale
from training.data.split import SplitKind
from training.errors import SettingsError
from training.publish.options import BUNDLED_DATA, DataOptions

# Folder of unfinished work. The image sets the variable, because only its volume is writable.
RUNS: Final = Path(os.environ.get("STARS_RUNS", "runs"))

DATA: Final = "Data"
MODELS: Final = "Models"
TRAINING: Final = "Training"
OUTPUT: Final = "Output"
"""Titles of the groups of options. A type has a column of its own in help texts, so its name is short."""


def within(low: float, high: float) -> Callable[[Any], Any]:
    """Return a callback that refuses a number outside a range, which Typer would print beside the type."""

    def check(value: Any) -> Any:
        if value is not None and not low <= value <= high:
            raise typer.BadParameter(f"{value} is not in the range from {low} to {high}")
        return value

    return check


Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="PATH",
        help="File of ratings (MovieLens, CSV, JSON or Parquet, compressed or not), its folder, the folder "
        "of its parts, a pattern such as 'ratings/*.parquet', or any of them at s3://bucket/path.",
        show_default="the bundled ml-latest-small",
        rich_help_panel=DATA,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Columns with other names than usual: user=buyer,time=day, or all in the order "
        "user,movie,rating,time: buyer,isbn,stars,day.",
        rich_help_panel=DATA,
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="A:B",
        help="Lowest and highest rating, such as 1:10.",
        show_default="0:5",
        rich_help_panel=DATA,
    ),
]
NotRated = Annotated[
    str | None,
    typer.Option(
        metavar="VALUES",
        help="Ratings that mean 'not rated', such as 99 or -1,NA; their rows are left out. "
        "'empty': a missing rating; 'none': keep every row.",
        rich_help_panel=DATA,
    ),
]
Repeats = Annotated[
    RepeatsKind,
    typer.Option(
        metavar="WHICH",
        help="Rating to keep if a user rated a movie twice: last, first, mean; error rejects the data.",
        rich_help_panel=DATA,
    ),
]
NullIds = Annotated[
    bool,
    typer.Option(
        "--keep-null-ids",
        metavar="",
        help="Accept NULL, None, nan, NA and similar words as ids.",
        rich_help_panel=DATA,
    ),
]
Items = Annotated[
    str | None,
    typer.Option(
        "--items",
        metavar="FILE",
        help="Titles: a file with columns for id, title and optionally categories.",
        show_default="MovieLens' own",
        rich_help_panel=DATA,
    ),
]
ItemName = Annotated[
    str,
    typer.Option(metavar="NOUN", help="What the page calls an item, such as book.", rich_help_panel=DATA),
]
Split = Annotated[
    SplitKind,
    typer.Option(
        "--split",
        metavar="KIND",
        help="How test rows are chosen: random, time, leave-last, new-movies.",
        rich_help_panel=DATA,
    ),
]
SplitSeed = Annotated[
    int,
    typer.Option(
        metavar="N",
        callback=within(0, 2**32 - 2),
        help="Seed of the random split.",
        rich_help_panel=DATA,
    ),
]
Store = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        envvar="STARS_STORE",
        help="Folder of the models, one subfolder each.",
        rich_help_panel=OUTPUT,
    ),
]
Shareable = Annotated[
    bool,
    typer.Option(
        "--shareable",
        metavar="",
        help="A store to pass on: no ratings, and titles only if the data's licence allows it.",
        rich_help_panel=OUTPUT,
    ),
]
Ratings = Annotated[
    bool,
    typer.Option(
        "--ratings/--no-ratings",
        metavar="",
        help="Whether models carry the ratings, to show them and to exclude rated movies.",
        rich_help_panel=OUTPUT,
    ),
]
RankingBytes = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        callback=within(1, 2**31),
        help="Also store a ranking of at most N bytes, for rank_by=likely. 48000 is a good size for ML-1M.",
        show_default="none",
        rich_help_panel=OUTPUT,
    ),
]
NewMovies = Annotated[
    bool,
    typer.Option(
        "--new-movies",
        help="Also store how to rate movies without ratings by what the items file says of them.",
        rich_help_panel=OUTPUT,
    ),
]
KeepOthers = Annotated[
    bool,
    typer.Option(
        "--keep-others",
        metavar="",
        help="Do not move models of other data on the same scale to DIR/previous.",
        rich_help_panel=OUTPUT,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        callback=within(0, 2**32 - 1),
        help="Seed of every random draw.",
        rich_help_panel=TRAINING,
    ),
]
TileUsers = Annotated[
    int,
    typer.Option(
        metavar="N",
        callback=within(1, 2**31 - 1),
        help="Users whose predictions are in memory at a time.",
        rich_help_panel=TRAINING,
    ),
]
Work = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        help="Folder of finished steps, from which an interrupted run resumes.",
        rich_help_panel=TRAINING,
    ),
]
ValidateOnly = Annotated[
    bool,
    typer.Option(
        "--validate-only",
        metavar="",
        help="Distil without the validation rows, print errors on them, publish nothing.",
        rich_help_panel=TRAINING,
    ),
]
Artefact = Annotated[
    Path,
    typer.Argument(
        readable=False, metavar="FOLDER", help="Folder of a model, such as models_store/baseline."
    ),
]


def takes(make: Callable[..., DataOptions]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace the parameter `source` of a function by the parameters of the function that makes it.

    Like `Depends` in FastAPI: commands that read ratings share the options without repeating them.

    Args:
        make: Returns the argument `source`; its parameters become options of the command.
    """
    parts = signature(make, eval_str=True).parameters

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def with_source(**given: Any) -> Any:
            made = make(**{name: given.pop(name) for name in parts})
            return function(source=made, **given)

        parameters: list[Parameter] = []
        for parameter in signature(function, eval_str=True).parameters.values():
            parameters += parts.values() if parameter.name == "source" else [parameter]
        keywords = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters]
        with_source.__signature__ = Signature(keywords)  # type: ignore[attr-defined]
        return with_source

    return decorate


def rating_options(
    data: Data = str(BUNDLED_DATA),
    columns: Columns = None,
    scale: Scale = None,
    not_rated: NotRated = None,
    repeats: Repeats = "error",
    keep_null_ids: NullIds = False,
    split: Split = "random",
    split_seed: SplitSeed = 0,
) -> DataOptions:
    """Parse the options that say which ratings to read and how to split them.

    Raises:
        SettingsError: If an option cannot be parsed.
    """
    return DataOptions(
        path=parse_place(data, "--data"),
        columns=None if columns is None else ColumnNames.parse(columns),
        split=split,
        split_seed=split_seed,
        scale=DEFAULT_SCALE if scale is None else parse_scale(scale),
        not_rated=None if not_rated is None else parse_not_rated(not_rated),
        repeats=repeats,
        keep_null_ids=keep_null_ids,
    )


@takes(rating_options)
def data_options(
    source: DataOptions, items: Items = None, item_name: ItemName = DEFAULT_ITEM_NAME
) -> DataOptions:
    """Parse the options of `rating_options` and those of titles, for a command that publishes models.

    Raises:
        SettingsError: If an option cannot be parsed.
    """
    titles = None if items is None else parse_place(items, "--items")
    return replace(source, items=titles, item_name=item_name)


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
