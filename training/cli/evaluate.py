"""The command `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Column, Table

from training.artefact.manifest import Manifest
from training.artefact.reader import open_artefact
from training.cli import parameters
from training.cli.output import ERRORS, ConsoleProgress, console, error_cells, print_parts
from training.data.split import Split
from training.data.table import RatingsTable
from training.errors import SettingsError
from training.publish.workflow import evaluate_as_they_come, evaluate_stored, rank_stored

if TYPE_CHECKING:
    from training.fit.as_they_come import Arrivals
    from training.fit.calibration import Coverage
    from training.fit.evaluation import Period
    from training.ranking.evaluation import RankingQuality, RankingTask

RANKING: Final = "Ranking"
DEFAULT_TOP: Final = 10


def evaluate(
    artefact: parameters.Artefact,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="PATH",
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
    as_they_come: Annotated[
        bool,
        typer.Option(
            "--as-they-come",
            help="Predict each test row, then let its user learn from it, as the service can.",
        ),
    ] = False,
    ranking: Annotated[
        bool,
        typer.Option(
            "--ranking",
            help="Measure which movies come first, beside popularity, EASE and chance.",
            rich_help_panel=RANKING,
        ),
    ] = False,
    top: Annotated[
        int,
        typer.Option(
            metavar="K",
            callback=parameters.within(1, 1000),
            help="Number of movies that are shown.",
            rich_help_panel=RANKING,
        ),
    ] = DEFAULT_TOP,
    relevant: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Lowest rating of a relevant movie.",
            show_default="4 of 5 stars on the scale",
            rich_help_panel=RANKING,
        ),
    ] = None,
) -> None:
    """Measure an artefact on the test rows of any data set; its fallback predicts cold pairs.

    With --ranking, measure its order of movies instead. See docs/models.md.
    """
    if as_they_come and (all_rows or ranking):
        other = "--all-rows" if all_rows else "--ranking"
        raise SettingsError(f"--as-they-come measures errors on the test rows; leave out {other}")
    if ranking and all_rows:
        raise SettingsError("--all-rows does not apply to --ranking: users are known by their other rows")
    if not ranking and (relevant is not None or top != DEFAULT_TOP):
        raise SettingsError("--top and --relevant apply to --ranking only")
    stored = open_artefact(artefact)
    source = parameters.rating_options(
        data, columns, scale, not_rated, repeats, keep_null_ids, split, split_seed
    )
    if scale is None:
        source = replace(source, scale=stored.manifest.scale.bounds)
    if ranking:
        with _EvaluationProgress(stored.manifest) as progress:
            task, qualities = rank_stored(stored, source, top=top, threshold=relevant, progress=progress)
        _print_rankings(task, qualities)
        return
    if as_they_come:
        with _EvaluationProgress(stored.manifest) as progress:
            arrivals = evaluate_as_they_come(stored, source, progress)
        _print_arrivals(arrivals, stored.manifest)
        return
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
    print_parts({stored.manifest.name: found.parts})
    _print_periods(found.periods)
    _print_intervals(found.intervals)


def _print_periods(periods: Sequence[Period]) -> None:
    """Print how predictions and ratings part over time; nothing if the rows have no times."""
    if not periods:
        return
    columns = ("from", "to", "rows", "prediction - rating", "MSE")
    table = Table(*columns, title="errors over time, in parts of as many rows each")
    for one in periods:
        ends = (datetime.fromtimestamp(seconds, UTC).date().isoformat() for seconds in (one.first, one.last))
        table.add_row(*ends, f"{one.rows:,}", f"{one.excess:+.4f}", f"{one.mse:.4f}")
    console.print(table)


def _print_intervals(intervals: Sequence[Coverage]) -> None:
    """Print what the intervals around the predictions cover; nothing if the model has no distributions."""
    if not intervals:
        return
    table = Table("interval", "ratings in it", "mean width", title="intervals around the predictions")
    for one in intervals:
        table.add_row(f"{one.nominal:.0%}", f"{one.observed:.1%}", f"{one.width:.2f}")
    console.print(table)
    console.print(
        "the ends of an interval are ratings of the scale, so it should cover more than its name says"
    )


def _print_rankings(task: RankingTask, qualities: Mapping[str, RankingQuality]) -> None:
    names = (f"nDCG@{task.top}", f"recall@{task.top}", "movies shown", "mean popularity")
    table = Table(
        Column("ranked by", no_wrap=True),
        *names,
        title=f"the first {task.top} movies for {task.users.size:,} users",
    )
    for name, quality in qualities.items():
        table.add_row(
            name,
            f"{quality.ndcg:.4f} ± {quality.ndcg_margin:.4f}",
            f"{quality.recall:.4f}",
            f"{quality.shown:,} of {task.movies:,}",
            f"{quality.popularity:,.0f} ratings",
        )
    console.print(table)
    console.print(
        f"relevant: test ratings of at least {task.threshold:g}; movies rated in the training rows are left "
        "out; ± is the 95 % interval over users"
    )


def _print_arrivals(arrivals: Sequence[Arrivals], manifest: Manifest) -> None:
    """Print the errors by number of known ratings, and over all rows."""
    names = ("known ratings", "rows", "never listens", "user biases", manifest.name)
    columns = [Column(name, justify="right") for name in names]
    table = Table(*columns, title="MSE of each test row, predicted before its user learns from it")
    for one in arrivals:
        figures = (f"{mse:.4f}" for mse in (one.never, one.biases, one.learned))
        table.add_row(one.known, f"{one.rows:,}", *figures, style="bold" if one.known == "all" else None)
    console.print(table)


class _EvaluationProgress(ConsoleProgress):
    def __init__(self, manifest: Manifest) -> None:
        super().__init__()
        self._manifest = manifest

    def on_split(self, split: Split) -> None:
        super().on_split(split)
        if split.test_sha256 != self._manifest.split.test_sha256:
            console.print(f"{self._manifest.name} was trained with another split", style="yellow")

    def on_table(self, table: RatingsTable) -> None:
        super().on_table(table)
        if table.sha256 != self._manifest.dataset.sha256:
            console.print(
                f"not the file that {self._manifest.name} was trained on: ids are matched as text, and the "
                "same id may mean another user or movie",
                style="yellow",
            )
