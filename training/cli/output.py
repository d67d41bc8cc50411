"""Progress bars, and tables that several commands print."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from rich import progress as bars
from rich.console import Console
from rich.table import Column, Table

from training.artefact.manifest import AccuracyRecord, Manifest
from training.artefact.rating_scale import RatingScale
from training.data.split import Split
from training.data.table import RatingsTable
from training.fit.evaluation import Errors
from training.publish.progress import Progress

# What is printed may hold names of files, which are to be shown as they are.
console = Console(soft_wrap=True, markup=False, emoji=False)
ERRORS: Final = ("MSE", "RMSE", "RMSE / width", "MAE")
"""Columns of errors; the width is that of the rating scale, so that data sets compare."""


def program() -> str:
    """Return how this program was started: the installed command, or the module."""
    return "stars" if Path(sys.argv[0]).stem == "stars" else "python -m training"


def serve_command(store: Path) -> str:
    """Return the command that serves a store."""
    return f"stars serve --store {store}" if program() == "stars" else f"make serve STORE={store}"


class ConsoleProgress(Progress):
    """Show a bar for the current task (on a terminal only) and print a line for each result."""

    def __init__(self) -> None:
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.TextColumn("{task.fields[losses]}"),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task, self._bar = "", bars.TaskID(0)

    def __enter__(self) -> ConsoleProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show that something takes an unknown time."""
        bar = self._bars.add_task(what, total=None, losses="")
        yield
        self._bars.remove_task(bar)

    def on_step(self, task: str, done: int, total: int, losses: Mapping[str, float] | None = None) -> None:
        """Advance the bar of the current task."""
        if task != self._task:
            if self._task:
                self._bars.remove_task(self._bar)
            self._task, self._bar = task, self._bars.add_task(task, losses="")
        shown = f"MSE {losses['mse']:.4f}" if losses and "mse" in losses else ""
        self._bars.update(self._bar, completed=done, total=total or None, losses=shown)

    def on_table(self, table: RatingsTable) -> None:
        """Say what was found, and what the user should know about it."""
        console.print(
            f"{table.name} ({table.layout}): {table.rows:,} ratings, {len(table.users):,} users, "
            f"{len(table.movies):,} rated movies, mean {table.ratings.mean(dtype='float64'):.4f}"
        )
        for note in table.notes:
            console.print(f"note: {note}", style="yellow")
        if table.unread_times is not None:
            console.print(f"note: {table.unread_times}; times are left out", style="yellow")

    def on_moved(self, folders: Sequence[str]) -> None:
        """Print where models of other data are now."""
        print_moved(folders)

    def on_split(self, split: Split) -> None:
        """Print the number of rows of each part and the digest of the test rows."""
        seed = f", seed {split.seed}" if split.kind == "random" else ""
        console.print(
            f"split {split.kind}{seed}: {split.train.size:,} train, {split.validation.size:,} validation, "
            f"{split.test.size:,} test; test rows {split.test_sha256[:16]}"
        )


def print_moved(folders: Sequence[str]) -> None:
    """Print where models of another data set or rating scale are now, if any were moved."""
    if folders:
        console.print(
            f"no longer served, because they have another data set or rating scale: {', '.join(folders)} "
            f"in the store; `{program()} restore` brings them back",
            style="yellow",
        )


def print_test_errors(manifests: Sequence[Manifest]) -> None:
    """Print sizes and test errors of models, next to those of two trivial models."""
    name = Column("model", no_wrap=True)
    table = Table(name, "parameters", "weight bytes", *ERRORS, title="on the test rows")
    for manifest in manifests:
        table.add_row(*size_cells(manifest), *error_cells(manifest.accuracy, manifest.scale))
    accuracy = manifests[0].accuracy
    trivial = {"biases only": accuracy.biases_only_mse, "global mean": accuracy.global_mean_mse}
    for label, mse in trivial.items():
        errors = Errors(mse, mse**0.5, math.nan)
        table.add_row(label, "", "", *error_cells(errors, manifests[0].scale)[:3], style="dim")
    console.print(table)


def size_cells(manifest: Manifest) -> tuple[str, str, str]:
    """Return the name, parameters and bytes of a model."""
    return manifest.name, f"{manifest.parameters.total:,}", f"{manifest.weights_bytes:,}"


def error_cells(errors: AccuracyRecord | Errors, scale: RatingScale) -> tuple[str, str, str, str]:
    """Return the cells of the columns `ERRORS`."""
    return (
        f"{errors.mse:.4f}",
        f"{errors.rmse:.4f}",
        f"{errors.rmse / scale.width:.4f}",
        f"{errors.mae:.4f}",
    )
