"""The command `frontier`: parses its options and calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.commands import (
    BUNDLED,
    ColumnsOption,
    DataOption,
    SplitName,
    SplitOption,
    SplitSeedOption,
    app,
    interruptible,
    whole_numbers,
)


@app.command()
def frontier(
    data: DataOption = BUNDLED,
    columns: ColumnsOption = None,
    out: Annotated[
        Path,
        typer.Option(help="Folder of the table and the pictures; a run that was stopped goes on from there."),
    ] = Path("runs/frontier"),
    split: SplitOption = SplitName.RANDOM,
    split_seed: SplitSeedOption = 0,
    seeds: Annotated[
        str, typer.Option(help="Seeds of training, with commas between: the grid is made with each.")
    ] = "0",
    quick: Annotated[
        bool, typer.Option("--quick", help="One briefly fitted model for each question, in under a minute.")
    ] = False,
    store: Annotated[
        Path,
        typer.Option(help="Models to draw beside the grid, where they were judged on the same test rows."),
    ] = Path("models_store"),
) -> None:
    """Train a grid of models and draw what each byte and each parameter buys.

    Finished models are kept in the table, and not made again. See docs/models.md.
    """
    from training.cli.console import console, load_table
    from training.cli.frontier_console import Request, draw_frontier

    request = Request(
        table=load_table(data, columns),
        split=split.value,
        split_seed=split_seed,
        seeds=whole_numbers(seeds, "--seeds") or (0,),
        quick=quick,
        out=out,
        store=store,
    )
    interruptible(draw_frontier, request, console)
