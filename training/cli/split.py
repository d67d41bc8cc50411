"""The command `split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.options import ColumnsOption, DataOption, SplitOption, SplitSeedOption, column_names
from training.cli.output import ConsoleProgress, console
from training.publish.options import BUNDLED_DATA, DataOptions
from training.publish.workflow import split_table


def split(
    data: DataOption = BUNDLED_DATA,
    columns: ColumnsOption = None,
    kind: SplitOption = "random",
    split_seed: SplitSeedOption = 0,
    validation_fraction: Annotated[
        float, typer.Option(help="Part of the training rows held out for validation.")
    ] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the positions of the rows and their digests to.")
    ] = None,
) -> None:
    """Choose the rows for training, validation and test, and print the digest of the test rows."""
    with ConsoleProgress() as progress:
        options = DataOptions(data, column_names(columns), kind, split_seed)
        split_table(options, validation_fraction, out, progress)
    if out is not None:
        console.print(f"written to {out}")
