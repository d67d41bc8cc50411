"""The command `distil`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from training.artefact.rating_scale import DEFAULT_SCALE
from training.cli import parameters
from training.cli.output import ConsoleProgress, console, print_test_errors, serve_command
from training.data.split import Split
from training.data.table import RatingsTable
from training.distillation.named import DISTILLED
from training.models.named import select
from training.publish.options import DataOptions, PublishOptions
from training.publish.workflow import distil_models


@parameters.takes(parameters.data_options)
def distil(
    source: DataOptions,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="tiny, compact, accurate; all by default."),
    ] = None,
    store: parameters.Store = Path("store"),
    work: Annotated[
        Path, typer.Option(help="Folder of finished steps, from which an interrupted run resumes.")
    ] = parameters.RUNS / "distil",
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
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A smaller teacher, fitted once: less than half the time, a slightly larger error.",
        ),
    ] = False,
    validate_only: Annotated[
        bool,
        typer.Option(
            "--validate-only",
            help="Fit without the validation rows, report the errors on them, and publish nothing.",
        ),
    ] = False,
    shareable: parameters.Shareable = False,
    ratings: parameters.Ratings = True,
    keep_others: parameters.KeepOthers = False,
) -> None:
    """Distil small models from a large teacher and publish them to a store; an interrupted run resumes.

    The teacher's members are fitted twice: without the validation rows, to find their weights, and on all
    training rows. With --quick, they are fitted once. See docs/distillation.md.
    """
    wanted = select(models, DISTILLED, "distilled model")
    with _DistilProgress() as progress:
        manifests = distil_models(
            wanted,
            source,
            None if validate_only else PublishOptions(store, shareable, ratings, keep_others),
            work=work,
            seed=seed,
            tile_users=tile_users,
            validation_fraction=validation_fraction,
            quick=quick,
            progress=progress,
        )
    if validate_only:
        return
    for manifest in manifests:
        console.print(f"{manifest.name}: distilled in {manifest.training.seconds:.0f} s")
    print_test_errors(manifests)
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
