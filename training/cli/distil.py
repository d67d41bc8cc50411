"""The command `distil`: parses its options and calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.commands import (
    BUNDLED,
    ColumnsOption,
    DataOption,
    RatingsOption,
    SplitName,
    SplitOption,
    SplitSeedOption,
    app,
    interruptible,
)


@app.command()
def distil(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="tiny, compact, accurate; all when none is named."),
    ] = None,
    data: DataOption = BUNDLED,
    columns: ColumnsOption = None,
    store: Annotated[Path, typer.Option(help="Where the artefacts go, one folder a model.")] = Path("store"),
    work: Annotated[
        Path, typer.Option(help="Folder of finished steps; a run that was stopped goes on from there.")
    ] = Path("runs/distil"),
    split: SplitOption = SplitName.RANDOM,
    split_seed: SplitSeedOption = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of every random draw.")] = 0,
    tile_users: Annotated[
        int, typer.Option(min=1, help="Users whose predictions for all movies are in memory at a time.")
    ] = 256,
    validation_fraction: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.5, help="Part of the training rows that the members' weights are found on."
        ),
    ] = 0.1,
    validate_only: Annotated[
        bool,
        typer.Option(
            "--validate-only",
            help="Fit the models without the validation rows, say how they do there, and publish nothing.",
        ),
    ] = False,
    shareable: Annotated[
        bool,
        typer.Option(
            "--shareable",
            help="The store is to be passed on: no ratings, and titles only where the data's licence "
            "allows it.",
        ),
    ] = False,
    ratings: RatingsOption = True,
) -> None:
    """Distil small models from a large teacher, resumable, and publish them to a store.

    The teacher's members are fitted twice: without the validation rows, to find what each should count,
    and on all training rows. See docs/distillation.md.
    """
    from training.cli.console import console, load_table
    from training.cli.distil_console import Request, distil_and_report, named_distilled

    wanted = named_distilled(models)
    request = Request(
        models=wanted,
        table=load_table(data, columns),
        split=split.value,
        split_seed=split_seed,
        work=work,
        store=None if validate_only else store,
        shareable=shareable,
        with_ratings=ratings and not shareable,
        seed=seed,
        tile_users=tile_users,
        validation_fraction=validation_fraction,
    )
    interruptible(distil_and_report, request, console)
