"""The command `calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli import parameters
from training.cli.output import ConsoleProgress, console
from training.publish.calibration import calibrate as add_distributions
from training.publish.options import DataOptions


@parameters.takes(parameters.rating_options)
def calibrate(
    source: DataOptions,
    store: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of models.")] = Path("store"),
    work: parameters.Work = parameters.RUNS / "calibrate",
) -> None:
    """Add distributions of ratings to stored models that have none; their weights stay.

    The service needs them for `interval` and `distribution`. `fit` stores them by itself.
    """
    with ConsoleProgress() as progress:
        changed = add_distributions(store, source, work=work, progress=progress)
    for manifest in changed:
        assert manifest.uncertainty_file is not None
        console.print(f"{manifest.name}: {manifest.uncertainty_file.bytes:,} bytes of distributions added")
    if not changed:
        console.print("nothing to add: all models of these ratings have distributions, or cannot have them")
