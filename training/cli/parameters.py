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
from training.data.readers.scale import DEFAULT_SCALE, parse_not_rated, parse_scale
from training.data.split import SplitKind
from training.errors import SettingsError
from training.publish.options import BUNDLED_DATA, DataOptions

# Folder of unfinished work. The image sets the variable, because only its volume is writable.
RUNS: Final = Path(os.environ.get("STARS_RUNS", "runs"))

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        readable=False,  # the error of the loader is more specific
        help="File of ratings (MovieLens of any layout, CSV, JSON or Parquet, compressed or not), or the "
        "folder that contains it or its parts.",
        show_default="the bundled ml-latest-small",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="Columns that are not recognised by name, such as user=buyer,time=day (of user, movie, rating, "
        "time); or all of them in this order: buyer,isbn,stars,day. Numbers if there is no header: "
        "user=2,movie=1,rating=3"
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(help="Lowest and highest rating, such as 1:10.", show_default="0:5"),
]
NotRated = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated values that mean 'not rated', such as 99 or -1,NA; their rows are left out. "
        "`empty` stands for a missing rating. `none` keeps every row: each value is a rating."
    ),
]
Repeats = Annotated[
    RepeatsKind,
    typer.Option(
        help="Which rating to keep if a user rated a movie more than once; `error` rejects the data."
    ),
]
NullIds = Annotated[
    bool,
    typer.Option(
        "--keep-null-ids",
        help="Accept NULL, None, nan, NA and similar words as ids instead of rejecting them.",
    ),
]
Items = Annotated[
    Path | None,
    typer.Option(
        "--items",
        readable=False,
        help="File of titles, with columns for the id, the title and optionally the categories.",
        show_default="the movies file of MovieLens next to the ratings",
    ),
]
ItemName = Annotated[str, typer.Option(help="Singular noun for an item on the page, such as book.")]
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
    data: Data = BUNDLED_DATA,
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
        path=data,
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
    return replace(source, items=items, item_name=item_name)


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
