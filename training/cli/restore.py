"""The command `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.artefact.previous import restore as restore_models
from training.cli import parameters
from training.cli.output import console, print_moved


def restore(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SET",
            help="Folder in `previous`, such as ml-1m_0_5; the one that was moved last by default.",
            show_default=False,
        ),
    ] = None,
    store: parameters.Store = Path("store"),
) -> None:
    """Bring back models that training moved to the store's folder `previous`.

    Served models of another data set or rating scale take their place there.
    """
    back, moved = restore_models(store, name)
    print_moved(moved)
    console.print(f"restored: {', '.join(back)}")
