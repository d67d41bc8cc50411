"""The command `split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli import options
from training.cli.output import ConsoleProgress, console
from training.publish.options import BUNDLED_DATA, DataOptions
from training.publish.workflow import split_table


def split(
    data: options.Data = BUNDLED_DATA,
    columns: options.Columns = None,
    scale: options.Scale = None,
    not_rated: options.NotRated = None,
    repeats: options.Repeats = "error",
    keep_null_ids: options.NullIds = False,
    kind: options.Split = "random",
    split_seed: options.SplitSeed = 0,
    validation_fraction: Annotated[
        float, typer.Option(help="Part of the training rows held out for validation.")
    ] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the positions of the rows and their digests to.")
    ] = None,
) -> None:
    """Choose the rows for training, validation and test, and print the digest of the test rows."""
    source = DataOptions(
        data,
        options.column_names(columns),
        kind,
        split_seed,
        not_rated=options.not_rated_values(not_rated),
        repeats=repeats,
        keep_null_ids=keep_null_ids,
        scale=options.rating_scale(scale),
    )
    with ConsoleProgress() as progress:
        split_table(source, validation_fraction, out, progress)
    if out is not None:
        console.print(f"written to {out}")
