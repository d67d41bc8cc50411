"""Progress bars, and tables that several commands print."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from rich import progress as bars
from rich.console import Console
from rich.table import Column, Table

from training.artefact.manifest import AccuracyRecord, Manifest, PartRecord
from training.artefact.rating_scale import RatingScale
from training.data.split import Split
from training.data.table import RatingsTable
from training.distillation.named import COMPACT, DISTILLED
from training.fit.evaluation import Errors, Part
from training.publish.comparison import BIASES, MEAN, beats_biases, compare, compare_orders, verdict
from training.publish.plan import TimeLeft, in_words
from training.publish.progress import Progress

# What is printed may hold names of files, which are to be shown as they are.
console = Console(soft_wrap=True, markup=False, emoji=False)
ERRORS: Final = ("MSE", "RMSE", "RMSE / width", "MAE")
"""Columns of errors; the width is that of the rating scale, so that data sets compare."""


def program() -> str:
    """Return how this program was started: as the installed command, in a container, or as a module."""
    if Path(sys.argv[0]).stem == "stars":
        return "stars"
    python, here = Path(sys.executable), Path.cwd()
    own = str(python.relative_to(here)) if python.is_relative_to(here) else "python"
    return os.environ.get("STARS_COMMAND", f"{own} -m training")


def serve_command(store: Path) -> str:
    """Return the command that serves a store, where this program runs."""
    if program() == "stars":
        return f"stars serve --store {store}"
    if "STARS_COMMAND" in os.environ:  # set by the image
        return "docker compose restart serve"
    if Path("Makefile").exists() and Path("app").is_dir():
        return f"make serve STORE={store}"
    return f"RATINGS_STORE={store} python -m app"


class ConsoleProgress(Progress):
    """Show a bar for the current task (on a terminal only) and print a line for each result."""

    def __init__(self) -> None:
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.TextColumn("{task.fields[losses]}"),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
            bars.TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task, self._bar = "", bars.TaskID(0)
        self._time_left: TimeLeft | None = None
        self._started, self._done = time.monotonic(), set[str]()

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
        bar = self._bars.add_task(what, total=None, losses="", left="")
        yield
        self._bars.remove_task(bar)

    def on_plan(self, shares: Mapping[str, float]) -> None:
        """Say what will be done."""
        if self._time_left is None:
            self._time_left = TimeLeft(shares)
        else:
            self._time_left.replace(shares)
        console.print(f"to do: {', '.join(shares)}")

    def on_step(self, task: str, done: int, total: int, losses: Mapping[str, float] | None = None) -> None:
        """Advance the bar of the current task, and print a line when it is done, with the time left."""
        if task != self._task:
            if self._task:
                self._bars.remove_task(self._bar)
            self._task, self._bar = task, self._bars.add_task(task, losses="", left="")
            self._started = time.monotonic()
        seconds = None
        if self._time_left is not None:
            self._time_left.on_step(task, done, total)
            seconds = self._time_left.seconds()
        left = "" if seconds is None else f"{in_words(seconds)} left"
        shown = f"MSE {losses['mse']:.4f}" if losses and "mse" in losses else ""
        self._bars.update(
            self._bar, completed=done, total=total or None, losses=shown, left=left and f"({left} in all)"
        )
        if done == total > 0 and task not in self._done:
            self._done.add(task)
            took = time.monotonic() - self._started
            how = f"{took:.0f} s" if took >= 0.5 else "done"
            console.print(f"{task}: {how}{f'; {left}' if seconds else ''}")

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
    """Print sizes and test errors of models beside those of two trivial models, the smallest error first."""
    names = (Column("model", no_wrap=True), Column("bytes", no_wrap=True, justify="right"))
    columns = ("MSE", "RMSE", "RMSE / width", "vs. biases", "vs. mean")
    table = Table(*names, *columns, title="errors on the test rows")
    for line in compare(manifests):
        style = "dim" if line.is_reference else "bold red" if line.is_worse else None
        table.add_row(*line.cells, style=style)
    console.print(table)


def print_parts(models: Mapping[str, Sequence[Part | PartRecord]]) -> None:
    """Print MSE by which sides of a test row are cold, beside those of two trivial models.

    Models that were trained on fewer rows, because some were held out, may have more cold rows. They get
    a table of their own.

    Args:
        models: The parts of each model by its name; all models have the same test rows.
    """
    alike: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for name, parts in models.items():
        alike.setdefault(tuple((part.part, part.rows) for part in parts), []).append(name)
    for rows, names in alike.items():
        columns = [Column(name, justify="right") for name in ("rows", "share", MEAN, BIASES, *names)]
        table = Table("user and movie", *columns, title="MSE by what has training ratings")
        total = sum(count for _, count in rows)
        for place, (part, count) in enumerate(rows):
            found = [models[name][place] for name in names]
            references = (found[0].global_mean_mse, found[0].biases_only_mse)
            errors = (*references, *(one.mse for one in found))
            cells = ("" if error is None else f"{error:.4f}" for error in errors)
            table.add_row(part, f"{count:,}", f"{count / total:.1%}", *cells)
        console.print(table)


def print_orders(manifests: Sequence[Manifest]) -> None:
    """Print which movies each model puts first, the best order first; nothing if it was not measured."""
    measured = [manifest.ranking for manifest in manifests if manifest.ranking is not None]
    if not measured:
        return
    one = measured[0]
    columns = (f"nDCG@{one.top}", f"recall@{one.top}", "movies shown", "mean popularity")
    table = Table(
        Column("ranked by", no_wrap=True),
        *(Column(column, justify="right") for column in columns),
        title=f"the first {one.top} movies for {one.users:,} users of the test rows",
    )
    for line in compare_orders(manifests):
        table.add_row(*line.cells, style="dim" if line.is_reference else None)
    console.print(table)


def print_verdict(manifests: Sequence[Manifest]) -> None:
    """Say which models lose to biases and what to do, in words that need no colour."""
    worse = [manifest.name for manifest in manifests if not beats_biases(manifest)]
    if not worse:
        return
    if len(worse) < len(manifests):
        does = "do" if len(worse) > 1 else "does"
        console.print(
            f"{' and '.join(worse)} {does} worse than user and movie biases on this data: use another model "
            "of the table",
            style="bold red",
        )
    elif not any(manifest.name in DISTILLED or manifest.name == "budget" for manifest in manifests):
        console.print(
            "warning: no model beats user and movie biases; the distilled model may: "
            f"{program()} fit {COMPACT.name}",
            style="bold red",
        )
    else:
        console.print(
            f"warning: {verdict(manifests)} Check --columns, --scale and --not-rated, and train again with "
            "more ratings of each user and movie.",
            style="bold red",
        )


def error_cells(errors: AccuracyRecord | Errors, scale: RatingScale) -> tuple[str, str, str, str]:
    """Return the cells of the columns `ERRORS`."""
    return (
        f"{errors.mse:.4f}",
        f"{errors.rmse:.4f}",
        f"{errors.rmse / scale.width:.4f}",
        f"{errors.mae:.4f}",
    )
