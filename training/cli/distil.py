"""The command `distil`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from training.artefact.manifest import DEFAULT_ITEM_NAME
from training.artefact.rating_scale import DEFAULT_SCALE
from training.cli import options
from training.cli.output import ERRORS, ConsoleProgress, console, error_cells, serve_command, size_cells
from training.data.split import Split
from training.data.table import RatingsTable
from training.distillation.named import DISTILLED
from training.models.named import select
from training.publish.options import BUNDLED_DATA, DataOptions, PublishOptions
from training.publish.workflow import distil_models


def distil(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="tiny, compact, accurate; all by default."),
    ] = None,
    data: options.Data = BUNDLED_DATA,
    columns: options.Columns = None,
    scale: options.Scale = None,
    not_rated: options.NotRated = None,
    repeats: options.Repeats = "error",
    keep_null_ids: options.NullIds = False,
    items: options.Items = None,
    item_name: options.ItemName = DEFAULT_ITEM_NAME,
    store: options.Store = Path("store"),
    work: Annotated[
        Path, typer.Option(help="Folder of finished steps, from which an interrupted run resumes.")
    ] = options.RUNS / "distil",
    split: options.Split = "random",
    split_seed: options.SplitSeed = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of every random draw.")] = 0,
    tile_users: Annotated[
        int,
        typer.Option(min=1, help="Number of users whose predictions for all movies are in memory at a time."),
    ] = 256,
    validation_fraction: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.5,
            help="Part of the training rows used to find the weights of the teacher's members.",
        ),
    ] = 0.1,
    validate_only: Annotated[
        bool,
        typer.Option(
            "--validate-only",
            help="Fit without the validation rows, report the errors on them, and publish nothing.",
        ),
    ] = False,
    shareable: options.Shareable = False,
    ratings: options.Ratings = True,
    keep_others: options.KeepOthers = False,
) -> None:
    """Distil small models from a large teacher and publish them to a store; an interrupted run resumes.

    The teacher's members are fitted twice: without the validation rows, to find their weights, and on all
    training rows. See docs/distillation.md.
    """
    wanted = select(models, DISTILLED, "distilled model")
    with _DistilProgress() as progress:
        manifests = distil_models(
            wanted,
            DataOptions(
                data,
                options.column_names(columns),
                split,
                split_seed,
                options.rating_scale(scale),
                not_rated=options.not_rated_values(not_rated),
                repeats=repeats,
                keep_null_ids=keep_null_ids,
                items=items,
                item_name=item_name,
            ),
            None if validate_only else PublishOptions(store, shareable, ratings, keep_others),
            work=work,
            seed=seed,
            tile_users=tile_users,
            validation_fraction=validation_fraction,
            progress=progress,
        )
    if validate_only:
        return
    table = Table(
        Column("model", no_wrap=True), "parameters", "bytes", *ERRORS, "seconds", title="on the test rows"
    )
    for manifest in manifests:
        seconds = f"{manifest.training.seconds:.0f}"
        table.add_row(*size_cells(manifest), *error_cells(manifest.accuracy, manifest.scale), seconds)
    console.print(table)
    console.print(f"published to {store}; serve it: {serve_command(store)}")


class _DistilProgress(ConsoleProgress):
    def __init__(self) -> None:
        super().__init__()
        self._done: set[str] = set()
        self._scale = DEFAULT_SCALE

    def on_table(self, table: RatingsTable) -> None:
        super().on_table(table)
        self._scale = table.scale

    def on_split(self, split: Split) -> None:
        """Print nothing, because there are two splits."""

    def on_step(self, task: str, done: int, total: int, losses: Mapping[str, float] | None = None) -> None:
        super().on_step(task, done, total, losses)
        if done == total and task not in self._done:
            self._done.add(task)
            console.print(f"{task}: done")

    def on_validation(self, mse: Mapping[str, float], rows: int) -> None:
        table = Table("what", "MSE", "RMSE / width", title=f"on {rows:,} validation rows")
        for name, value in mse.items():
            table.add_row(name, f"{value:.4f}", f"{value**0.5 / self._scale.width:.4f}")
        console.print(table)
