"""The command `download`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.output import program
from training.data.grouplens.download import download as fetch


def download(
    name: Annotated[
        str, typer.Argument(help="ml-latest-small, ml-latest, ml-100k, ml-1m, ml-10m ... ml-32m.")
    ],
    to: Annotated[Path, typer.Option(help="Folder that the data set's folder goes into.")] = Path("data"),
    allow_unverified: Annotated[
        bool,
        typer.Option(
            "--allow-unverified", help="Continue if the server publishes no digest for the archive."
        ),
    ] = False,
) -> None:
    """Download a data set from GroupLens, resuming an interrupted download, and check its digest."""
    folder = fetch(name, to, allow_unverified=allow_unverified)
    typer.echo(f"{folder}\ntrain on it: {program()} fit --data {folder}")
