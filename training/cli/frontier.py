"""The command `frontier`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from training.artefact.rating_scale import RatingScale
from training.cli import parameters
from training.cli.output import ConsoleProgress, console
from training.data.split import Split
from training.publish.options import DataOptions
from training.publish.workflow import FRONTIER_SUMMARY, FRONTIER_TABLE, draw_frontier

if TYPE_CHECKING:
    from training.search.frontier.table import Row


@parameters.takes(parameters.rating_options)
def frontier(
    source: DataOptions,
    out: Annotated[
        Path,
        typer.Option(help="Folder of the table and the charts, from which an interrupted run resumes."),
    ] = parameters.RUNS / "frontier",
    seeds: Annotated[
        str, typer.Option(help="Comma-separated seeds of training; the whole grid is trained with each.")
    ] = "0",
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Train one model for each question, briefly; takes less than a minute."),
    ] = False,
    store: Annotated[
        Path,
        typer.Option(help="Store of models to draw next to the grid, if evaluated on the same test rows."),
    ] = Path("models_store"),
) -> None:
    """Train a grid of models and plot test error against bytes and parameters.

    Finished models are kept in the table and not trained again. See docs/models.md.
    """
    training_seeds = parameters.whole_numbers(seeds, "--seeds") or (0,)
    with _FrontierProgress() as progress:
        lines, page = draw_frontier(
            source, out=out, store=store, seeds=training_seeds, quick=quick, progress=progress
        )
    from training.search.frontier.summary import COLUMNS, cells

    shown = len(COLUMNS) - 2
    table = Table(*COLUMNS[:shown], title="★: no other model is as small with as low a test error")
    for line in cells(lines, RatingScale(*source.scale)):
        table.add_row(*line[:shown])
    console.print(table)
    console.print(f"table: {out / FRONTIER_TABLE}; summary: {out / FRONTIER_SUMMARY}; charts: {page}")


class _FrontierProgress(ConsoleProgress):
    def __init__(self) -> None:
        super().__init__()
        self._models = self._bars.add_task("models", total=None, losses="", left="")

    def on_split(self, split: Split) -> None:
        console.print(
            f"{split.train.size:,} training rows, {split.validation.size:,} validation rows to choose on, "
            f"{split.test.size:,} test rows that nothing is chosen on"
        )

    def on_point(self, done: int, total: int, seed: int, row: Row | None, remark: str) -> None:
        self._bars.update(self._models, completed=done, total=total)
        if row is not None:
            remark = (
                f"{row.group}, {row.label}: {row.nbytes:,} bytes, {row.parameters:,} parameters, "
                f"validation MSE {row.validation_mse:.4f}{f' ({remark})' if remark else ''}"
            )
        console.print(f"[{done}] seed {seed}: {remark}")
