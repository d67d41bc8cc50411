"""The command `split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli import parameters
from training.cli.output import ConsoleProgress, console
from training.publish.options import DataOptions
from training.publish.workflow import split_table


@parameters.takes(parameters.rating_options)
def split(
    source: DataOptions,
    validation_fraction: Annotated[
        float, typer.Option(help="Part of the training rows held out for validation.")
    ] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the positions of the rows and their digests to.")
    ] = None,
) -> None:
    """Choose the rows for training, validation and test, and print the digest of the test rows."""
    with ConsoleProgress() as progress:
        split_table(source, validation_fraction, out, progress)
    if out is not None:
        console.print(f"written to {out}")
