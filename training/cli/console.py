"""What the commands say while they work: counts, progress bars, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from training.artefact.manifest import AccuracyRecord, Manifest
from training.artefact.reader import open_artefact
from training.artefact.writer import make_store
from training.data.readers.ratings import ColumnNames, load_ratings
from training.data.split import Split, SplitKind, split_ratings
from training.data.split_files import write_split
from training.data.table import RatingsTable
from training.errors import SettingsError
from training.settings import ModelSettings, Recipe

console = Console(soft_wrap=True)


def named_models(names: list[str] | None) -> list[ModelSettings]:
    """Settings of the models named, or of both where none is.

    Raises:
        SettingsError: A name that no model has, or one named twice.
    """
    from training.models.named import MODELS

    chosen = names or list(MODELS)
    unknown = [name for name in chosen if name not in MODELS]
    if unknown:
        raise SettingsError(f"there is no model {unknown[0]!r}; there are {', '.join(MODELS)}")
    if len(set(chosen)) != len(chosen):
        raise SettingsError("a model is named twice")
    return [MODELS[name] for name in chosen]


def fit_and_report(
    models: list[ModelSettings],
    recipe: Recipe,
    *,
    data: Path,
    columns: str | None,
    split: SplitKind,
    split_seed: int,
    store: Path,
    shareable: bool,
    with_ratings: bool,
    report: Path | None,
) -> None:
    """Train the models one after the other, publish each, and show what came out."""
    table = load_table(data, columns)
    with console.status("importing Keras"):
        from training.publish.reports import write_report
        from training.publish.workflow import check_settings, fit_and_judge, make_dataset, titles_to_carry

    dataset = make_dataset(table, split, split_seed, recipe)
    _show_split(dataset.split)
    # What can be refused is refused before the first model is fitted.
    check_settings(models, dataset)
    make_store(store, [settings.name for settings in models])
    judged = []
    for settings in models:
        with _progress_bar(settings.name) as on_step:
            judged.append(fit_and_judge(settings, recipe, dataset, on_step))
        fitted = judged[-1].fitted
        fitted.model.indexed.summary(print_fn=console.print)
        console.print(f"{settings.name}: {fitted.epochs} epochs in {fitted.seconds:.1f} s")
    # All are published at the end: a run that is stopped leaves the store as it was.
    titles = titles_to_carry(table, shareable)
    manifests = [one.publish(store, titles, with_ratings).manifest for one in judged]
    console.print(_results(manifests))
    written = write_report(manifests, dataset, report or store / ".report")
    console.print(f"published to {store}; plots: {written}")
    console.print(f"serve it: make serve STORE={store}")


def inspect_artefact(folder: Path) -> None:
    """Check an artefact and show its manifest as tables."""
    manifest = open_artefact(folder).manifest
    console.print(f"[bold]{manifest.name}[/]: {manifest.description}")
    tables = Table("table", "shape", "dtype", "parameters", "bytes")
    for weight in manifest.parameters.tables:
        shape = " x ".join(str(size) for size in weight.shape)
        tables.add_row(weight.name, shape, weight.dtype, f"{weight.parameters:,}", f"{weight.bytes:,}")
    tables.add_row(
        "total", "", "", f"{manifest.parameters.total:,}", f"{manifest.weights_bytes:,}", style="bold"
    )
    console.print(tables)
    vocabulary, training, data = manifest.vocabulary, manifest.training, manifest.dataset
    for name, side in (("users", vocabulary.users), ("movies", vocabulary.movies)):
        cold = side.size - side.warm
        console.print(f"{name}: {side.size:,} ids, {cold:,} never rated in training, prefix {side.prefix!r}")
    console.print(f"data: {data.name}, {data.rows:,} ratings; licence: {data.licence}")
    console.print(
        f"split: {manifest.split.kind}, seed {manifest.split.seed}, test rows {manifest.split.test_sha256}"
    )
    console.print(
        f"trained: {training.epochs} epochs, recipe {training.recipe.get('name')}, seed {training.seed}"
    )
    console.print(f"file: {manifest.model_file.bytes:,} bytes, sha256 {manifest.model_file.sha256}")
    given = manifest.ratings_file
    console.print(f"ratings: {f'{given.rows:,} in {given.bytes:,} bytes' if given else 'not carried'}")
    console.print(_results([manifest]))


def evaluate_artefact(
    folder: Path, data: Path, columns: str | None, split: SplitKind, split_seed: int, all_rows: bool
) -> None:
    """Measure an artefact on a data set's test rows, or on all of its rows."""
    artefact = open_artefact(folder)
    table = load_table(data, columns)
    if table.sha256 != artefact.manifest.dataset.sha256:
        console.print(
            f"[yellow]not the file that {artefact.manifest.name} was trained on: ids are matched as text, "
            "and the same id may be somebody else[/]"
        )
    rows = None
    if not all_rows:
        parts = split_ratings(table, split, split_seed)
        _show_split(parts)
        rows = parts.test
    with console.status("importing Keras"):
        from training.fit.evaluation import evaluate_elsewhere
        from training.fit.fitting import predict
        from training.models.loading import load_indexed_keras_model

    model = load_indexed_keras_model(artefact)
    found = evaluate_elsewhere(lambda user, movie: predict(model, user, movie), artefact, table, rows)
    shown = Table("model", "rows", "cold", "MSE", "RMSE", "MAE", "warm MSE")
    shown.add_row(
        artefact.manifest.name,
        f"{found.rows:,}",
        f"{found.cold_rows:,}",
        f"{found.mse:.4f}",
        f"{found.rmse:.4f}",
        f"{found.mae:.4f}",
        "" if found.mse_warm is None else f"{found.mse_warm:.4f}",
    )
    console.print(shown)


def show_split(
    data: Path, columns: str | None, kind: SplitKind, seed: int, validation_fraction: float, out: Path | None
) -> None:
    """Print a split's sizes and digest, and write its rows where asked."""
    parts = split_ratings(load_table(data, columns), kind, seed, validation_fraction)
    _show_split(parts)
    if out is not None:
        write_split(parts, out)
        console.print(f"written to {out}")


def load_table(data: Path, columns: str | None) -> RatingsTable:
    """The ratings at `data`; says what was found.

    Args:
        data: A file, or the folder that it lies in.
        columns: Names of its columns with commas between, or None for the usual ones.
    """
    with console.status(f"reading {data}"):
        table = load_ratings(data, columns=_column_names(columns))
    console.print(
        f"{table.name} ({table.layout}): {table.rows:,} ratings, {len(table.users):,} users, "
        f"{len(table.movies):,} rated movies, mean {table.ratings.mean(dtype='float64'):.4f}"
    )
    return table


def _column_names(text: str | None) -> ColumnNames | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not 3 <= len(names) <= 4:
        raise SettingsError(
            "--columns takes the user, movie, rating and (optional) time column with commas between"
        )
    return ColumnNames(*names)


def _show_split(split: Split) -> None:
    seed = f", seed {split.seed}" if split.kind == "random" else ""
    console.print(
        f"split {split.kind}{seed}: {split.train.size:,} train, "
        f"{split.validation.size:,} validation, {split.test.size:,} test; test rows {split.test_sha256[:16]}"
    )


def _results(manifests: list[Manifest]) -> Table:
    shown = Table("model", "parameters", "weight bytes", "MSE", "RMSE", "MAE", title="on the test rows")
    for manifest in manifests:
        accuracy = manifest.accuracy
        shown.add_row(
            manifest.name,
            f"{manifest.parameters.total:,}",
            f"{manifest.weights_bytes:,}",
            f"{accuracy.mse:.4f}",
            f"{accuracy.rmse:.4f}",
            f"{accuracy.mae:.4f}",
        )
    for name, mse in _yardsticks(manifests[0].accuracy).items():
        shown.add_row(name, "", "", f"{mse:.4f}", f"{mse**0.5:.4f}", "", style="dim")
    return shown


def _yardsticks(accuracy: AccuracyRecord) -> dict[str, float]:
    return {"biases only": accuracy.biases_only_mse, "global mean": accuracy.global_mean_mse}


@contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[int, int, dict[str, float]], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=None, loss="compiling")

        def on_step(done: int, total: int, losses: dict[str, float]) -> None:
            progress.update(task, completed=done, total=total, loss=f"MSE {losses.get('mse', 0):.4f}")

        yield on_step
        progress.update(task, completed=progress.tasks[0].total)
