"""The command `evaluate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from training.artefact.manifest import Manifest
from training.artefact.reader import open_artefact
from training.cli import parameters
from training.cli.output import ERRORS, ConsoleProgress, console, error_cells
from training.data.table import RatingsTable
from training.publish.workflow import evaluate_stored


def evaluate(
    artefact: parameters.Artefact,
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="PATH",
            readable=False,
            help="Ratings, as for `fit`; their ids must mean the same users and movies.",
            rich_help_panel=parameters.DATA,
        ),
    ],
    columns: parameters.Columns = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            help="Lowest and highest rating, such as 1:10.",
            show_default="the model's",
            rich_help_panel=parameters.DATA,
        ),
    ] = None,
    not_rated: parameters.NotRated = None,
    repeats: parameters.Repeats = "error",
    keep_null_ids: parameters.NullIds = False,
    split: parameters.Split = "random",
    split_seed: parameters.SplitSeed = 0,
    all_rows: Annotated[
        bool, typer.Option("--all-rows", help="Evaluate on every row of the data, not only on the test rows.")
    ] = False,
) -> None:
    """Measure an artefact on the test rows of any data set; its fallback predicts cold pairs."""
    stored = open_artefact(artefact)
    source = parameters.rating_options(
        data, columns, scale, not_rated, repeats, keep_null_ids, split, split_seed
    )
    if scale is None:
        source = replace(source, scale=stored.manifest.scale.bounds)
    with _EvaluationProgress(stored.manifest) as progress:
        found = evaluate_stored(stored, source, all_rows, progress)
    table = Table("model", "rows", "cold", *ERRORS, "warm MSE")
    table.add_row(
        stored.manifest.name,
        f"{found.rows:,}",
        f"{found.cold_rows:,}",
        *error_cells(found, stored.manifest.scale),
        "" if found.mse_warm is None else f"{found.mse_warm:.4f}",
    )
    console.print(table)


class _EvaluationProgress(ConsoleProgress):
    def __init__(self, manifest: Manifest) -> None:
        super().__init__()
        self._manifest = manifest

    def on_table(self, table: RatingsTable) -> None:
        super().on_table(table)
        if table.sha256 != self._manifest.dataset.sha256:
            console.print(
                f"not the file that {self._manifest.name} was trained on: ids are matched as text, and the "
                "same id may mean another user or movie",
                style="yellow",
            )
