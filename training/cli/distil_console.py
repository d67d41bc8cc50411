"""What `distil` says while it works: a bar for each step, what validation found, what was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from training.data.dataset import Dataset, prepare
from training.data.split import SplitKind, split_ratings
from training.data.table import RatingsTable
from training.distillation.base.settings import DistilledModel
from training.errors import SettingsError


@dataclass(frozen=True)
class Request:
    """What `distil` was asked for.

    Attributes:
        models: Which models.
        table: The ratings.
        split: How test rows are chosen.
        split_seed: Of the random split.
        work: Folder of finished steps.
        store: Where the artefacts go; None to publish nothing and fit the students on the validation split.
        shareable: Whether the store is to be passed on.
        with_ratings: Whether the data set's ratings travel with the artefacts.
        seed: Of every random draw.
        tile_users: Users whose predictions are in memory at a time.
        validation_fraction: Part of the training rows that the blends' weights are found on.
    """

    models: list[DistilledModel]
    table: RatingsTable
    split: SplitKind
    split_seed: int
    work: Path
    store: Path | None
    shareable: bool
    with_ratings: bool
    seed: int
    tile_users: int
    validation_fraction: float


def named_distilled(names: list[str] | None) -> list[DistilledModel]:
    """The models named, or all three.

    Raises:
        SettingsError: A name that none has, or one named twice.
    """
    from training.distillation.named import DISTILLED

    chosen = names or list(DISTILLED)
    unknown = [name for name in chosen if name not in DISTILLED]
    if unknown:
        raise SettingsError(f"there is no distilled model {unknown[0]!r}; there are {', '.join(DISTILLED)}")
    if len(set(chosen)) != len(chosen):
        raise SettingsError("a model is named twice")
    return [DISTILLED[name] for name in chosen]


def distil_and_report(request: Request, console: Console) -> None:
    """Find the blends on validation rows, then distil from all training rows, judge and publish each."""
    with console.status("importing Keras"):
        from training.distillation.base.work_folder import open_work_folder
        from training.distillation.distilling import Distillation, check_models
        from training.fit.evaluation import evaluate
        from training.publish.publishing import publish_model
        from training.publish.workflow import titles_to_carry

    dataset = _dataset(request, 0.0)
    check_models(request.models, dataset)
    shown = Table("model", "parameters", "bytes", "MSE", "RMSE", "MAE", "seconds", title="on the test rows")
    with open_work_folder(request.work) as work:
        cut = _dataset(request, request.validation_fraction)
        with _bars(console, "validation: ") as on_progress:
            run = Distillation(
                cut, work, seed=request.seed, tile_users=request.tile_users, on_progress=on_progress
            )
            validated = run.validate(request.models, with_students=request.store is None)
        console.print(_validation_table(validated.mse, len(cut.validation)))
        if request.store is None:
            return
        titles = titles_to_carry(request.table, request.shareable)
        with _bars(console, "") as on_progress:
            run = Distillation(
                dataset, work, seed=request.seed, tile_users=request.tile_users, on_progress=on_progress
            )
            for model in request.models:
                made = run.distil(model, validated.blends[model.name])
                fallback = made.fallback(dataset)
                accuracy = evaluate(made.predict, fallback, dataset)
                manifest = publish_model(
                    request.store, made, dataset, fallback, accuracy, titles, request.with_ratings
                ).manifest
                shown.add_row(
                    manifest.name,
                    f"{manifest.parameters.total:,}",
                    f"{manifest.weights_bytes:,}",
                    f"{accuracy.mse:.4f}",
                    f"{accuracy.rmse:.4f}",
                    f"{accuracy.mae:.4f}",
                    f"{made.seconds:.0f}",
                )
    console.print(shown)
    console.print(f"published to {request.store}; serve it: make serve STORE={request.store}")


def _dataset(request: Request, validation_fraction: float) -> Dataset:
    parts = split_ratings(request.table, request.split, request.split_seed, validation_fraction)
    return prepare(request.table, parts)


def _validation_table(mse: dict[str, float], rows: int) -> Table:
    shown = Table("what", "MSE", title=f"on {rows:,} validation rows")
    for name, value in mse.items():
        shown.add_row(name, f"{value:.4f}")
    return shown


@contextmanager
def _bars(console: Console, prefix: str) -> Iterator[Callable[[str, int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def on_progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(prefix + what, total=total)
            finished = progress.tasks[tasks[what]].finished
            progress.update(tasks[what], completed=done, total=total)
            if not console.is_terminal and done == total and not finished:
                console.print(f"{prefix}{what}: done")  # a log file has no bars

        yield on_progress
