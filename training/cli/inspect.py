"""The command `inspect`."""

from __future__ import annotations

from rich.table import Table

from training.artefact.reader import open_artefact
from training.cli import parameters
from training.cli.output import console, print_test_errors


def inspect(artefact: parameters.Artefact) -> None:
    """Check an artefact as the service does, and print its manifest."""
    manifest = open_artefact(artefact).manifest
    console.print(f"{manifest.name}: {manifest.description}", style="bold")
    table = Table("table", "shape", "dtype", "parameters", "bytes")
    for weight in manifest.parameters.tables:
        shape = " x ".join(str(size) for size in weight.shape)
        table.add_row(weight.name, shape, weight.dtype, f"{weight.parameters:,}", f"{weight.bytes:,}")
    total, total_bytes = f"{manifest.parameters.total:,}", f"{manifest.weights_bytes:,}"
    table.add_row("total", "", "", total, total_bytes, style="bold")
    console.print(table)
    for name, side in (("users", manifest.vocabulary.users), ("movies", manifest.vocabulary.movies)):
        cold = side.size - side.warm
        console.print(f"{name}: {side.size:,} ids, {cold:,} never rated in training, prefix {side.prefix!r}")
    data, split, training = manifest.dataset, manifest.split, manifest.training
    console.print(f"data: {data.name}, {data.rows:,} ratings; licence: {data.licence}")
    step = manifest.scale.step
    console.print(f"rating scale: {manifest.scale}, {f'step {step:g}' if step else 'continuous'}")
    console.print(f"split: {split.kind}, seed {split.seed}, test rows {split.test_sha256}")
    console.print(
        f"trained: {training.epochs} epochs, recipe {training.recipe.get('name')}, seed {training.seed}"
    )
    console.print(f"file: {manifest.model_file.bytes:,} bytes, sha256 {manifest.model_file.sha256}")
    given = manifest.ratings_file
    console.print(f"ratings: {f'{given.rows:,} in {given.bytes:,} bytes' if given else 'not carried'}")
    print_test_errors([manifest])
