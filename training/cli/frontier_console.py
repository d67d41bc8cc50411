"""What `frontier` says while it works: a line for each model, then the table and the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from training.artefact.files import atomic_write
from training.data.split import SplitKind
from training.data.table import RatingsTable
from training.errors import ReportError
from training.search.frontier.summary import Line, as_markdown, summarise
from training.search.frontier.table import Row

TABLE: Final = "frontier.csv"
SUMMARY: Final = "frontier.md"


@dataclass(frozen=True)
class Request:
    """What `frontier` was asked for.

    Attributes:
        table: The ratings.
        split: How test rows are chosen.
        split_seed: Of the random split.
        seeds: Of training; the whole grid is made with each.
        quick: Whether to take one model for each question, briefly fitted.
        out: Folder of the table, the pictures and finished teachers.
        store: Models to draw beside the grid, where they have the same test rows; None for none.
    """

    table: RatingsTable
    split: SplitKind
    split_seed: int
    seeds: tuple[int, ...]
    quick: bool
    out: Path
    store: Path | None


def draw_frontier(request: Request, console: Console) -> None:
    """Make the grid's models that the table does not have yet, then write summary and pictures.

    Raises:
        TrainingError: The folder cannot be written.
    """
    with console.status("importing Keras"):
        from training.distillation.base.work_folder import open_work_folder
        from training.fit.recipes import BIASED
        from training.publish.workflow import make_dataset
        from training.search.candidates import Bench
        from training.search.frontier.charts import write_charts
        from training.search.frontier.grid import FULL, QUICK, QUICK_TEACHER, grid
        from training.search.frontier.references import references
        from training.search.frontier.running import run_grid

    dataset = make_dataset(request.table, request.split, request.split_seed, BIASED)
    console.print(
        f"{len(dataset.train):,} training rows, {len(dataset.validation):,} validation rows to choose on, "
        f"{len(dataset.test):,} test rows that nothing is chosen on"
    )
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with open_work_folder(request.out / "work") as work, Progress(*columns, console=console) as progress:
        whole = progress.add_task("models", total=None)
        step = progress.add_task("", total=None)
        for place, seed in enumerate(request.seeds):
            bench = Bench(
                dataset,
                work,
                seed=seed,
                teacher=QUICK_TEACHER if request.quick else None,
                on_progress=lambda what, done, total: progress.update(
                    step, description=what, completed=done, total=total
                ),
            )
            points = grid(dataset, QUICK if request.quick else FULL, seed, 2 if request.quick else None)

            def on_row(
                done: int, total: int, row: Row | None, remark: str, place: int = place, seed: int = seed
            ) -> None:
                progress.update(whole, completed=place * total + done, total=total * len(request.seeds))
                said = remark if row is None else _said(row, remark)
                progress.console.print(f"[{place * total + done}] seed {seed}: {said}", markup=False)

            rows += run_grid(points, bench, request.out / TABLE, on_row)
    lines = summarise([*references(dataset, request.store), *rows])
    console.print(_table(lines))
    try:
        with atomic_write(request.out / SUMMARY) as summary:
            summary.write_text(as_markdown(lines), encoding="utf-8")
        page = write_charts(lines, f"{request.table.name}, {request.split} split", request.out)
    except OSError as error:
        raise ReportError(
            f"{request.out}: summary and pictures cannot be written ({error.strerror or error})"
        ) from error
    console.print(f"table: {request.out / TABLE}; summary: {request.out / SUMMARY}; pictures: {page}")


def _said(row: Row, remark: str) -> str:
    return (
        f"{row.group}, {row.label}: {row.nbytes:,} bytes, {row.parameters:,} parameters, "
        f"validation MSE {row.validation_mse:.4f}{f' ({remark})' if remark else ''}"
    )


def _table(lines: list[Line]) -> Table:
    shown = Table(
        *("group", "model", "parameters", "bytes", "validation MSE", "test MSE", "spread"),
        title="★: no other model is as small with as low a test error",
    )
    for line in lines:
        validation = "" if line.validation_mse != line.validation_mse else f"{line.validation_mse:.4f}"
        shown.add_row(
            line.group,
            line.label,
            f"{line.parameters:,}{' ★' if line.best_parameters else ''}",
            f"{line.nbytes:,}{' ★' if line.best_bytes else ''}",
            validation,
            f"{line.test_mse:.4f}",
            f"{line.spread:.4f}" if line.seeds > 1 else "",
        )
    return shown
