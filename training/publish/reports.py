"""Writes the report of a training run: one page of tables and charts that opens without a network."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from training.artefact.files import atomic_write
from training.artefact.manifest import Manifest
from training.data.dataset import Dataset
from training.errors import ReportError
from training.families import MixedDimension
from training.publish.comparison import BIASES, Line, compare, compare_orders, verdict
from training.publish.options import PublishOptions
from training.search.frontier.references import references
from training.settings import ModelSettings

REPORT: Final = "report.html"
_WIDTH, _HEIGHT = 620, 280
_PAGE: Final = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p.about { color: #556677; margin-top: .2rem; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid #d8dee6; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.reference { color: #556677; font-style: italic; }
tr.worse td { color: #b00020; }
tr.best td { font-weight: 600; }
p.warning { border-left: 4px solid #b00020; padding-left: .8rem; }
svg { width: 100%; height: auto; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="about">$about</p>
<p>$verdict</p>
<h2>Errors on the test ratings</h2>
$table
<p class="about">MSE: mean squared error of the predicted ratings; RMSE: its root; a smaller error is
better. Biases: the mean rating, corrected for each user and each $item, which every model should beat.</p>
$charts
</body>
</html>
""")


_FITTED: Final = "Learning curves: fitted to the ratings"
_DISTILLED: Final = "Learning curves: fitted to the teacher"
# What a reader has to know to understand a chart, by its title.
_NOTES: Final = {
    _DISTILLED: (
        '<p class="about">How far a small model is from the predictions of its large teacher. The error '
        "rises once, when the values are rounded to a few bits; the rounds after that reduce it again.</p>"
    )
}


def write_report(manifests: list[Manifest], dataset: Dataset, options: PublishOptions) -> Path:
    """Write `report.html` to the store, or to the folder that the options name.

    Args:
        manifests: The models that were trained together.
        dataset: The data that they were trained on.
        options: Where they were published.

    Returns:
        The page.

    Raises:
        ReportError: If the folder cannot be written.
    """
    page = (options.report or options.store) / REPORT
    charts = {
        "Error against size": error_against_bytes(manifests, dataset, options.store),
        **learning_curves(manifests),
        f"Ratings of each {html.escape(dataset.table.item_name)}": popularity_with_blocks(manifests, dataset),
    }
    table = dataset.table
    text = _PAGE.substitute(
        title=f"Rating models of {html.escape(table.name)}",
        about=html.escape(
            f"{table.rows:,} ratings from {dataset.scale}, {len(table.users):,} users, "
            f"{len(table.movies):,} rated {table.item_name}s. Split: {dataset.split.kind}, "
            f"{dataset.split.test.size:,} test ratings, which no model was trained on. "
            f"Trained {manifests[0].training.created_at[:16].replace('T', ' ')} UTC."
        ),
        verdict=html.escape(verdict(manifests)),
        table=_table(compare(manifests)) + _parts(manifests) + _distinct(manifests) + _orders(manifests),
        item=html.escape(table.item_name),
        charts="\n".join(
            f"<h2>{title}</h2>\n{_svg(chart)}\n{_NOTES.get(title, '')}" for title, chart in charts.items()
        ),
    )
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(page) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{page}: the report cannot be written ({error.strerror or error})") from error
    return page


def _table(lines: list[Line]) -> str:
    """Return the table of errors as HTML, the smallest error first."""
    columns = ("model", "bytes", "MSE", "RMSE", "RMSE / width", "vs. biases", "vs. mean")
    rows = ["<tr>" + "".join(f"<th>{column}</th>" for column in columns) + "</tr>"]
    for place, line in enumerate(lines):
        kind = "reference" if line.is_reference else "worse" if line.is_worse else "best" if not place else ""
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in line.cells)
        rows.append(f'<tr class="{kind}">{cells}</tr>')
    return '<div class="wide"><table>\n' + "\n".join(rows) + "\n</table></div>"


def _parts(manifests: list[Manifest]) -> str:
    """Return a table of errors by what has training ratings, as HTML; empty if no model states them."""
    rows = [
        f"<tr><td>{manifest.name}</td><td>{part.part}</td><td>{part.rows:,}</td>"
        f"<td>{part.rows / manifest.accuracy.test_rows:.1%}</td><td>{part.global_mean_mse:.4f}</td>"
        f"<td>{part.biases_only_mse:.4f}</td><td>{part.mse:.4f}</td></tr>"
        for manifest in manifests
        for part in manifest.accuracy.parts or ()
    ]
    if not rows:
        return ""
    columns = ("model", "test ratings", "number", "share", "MSE of the mean", "of biases", "of the model")
    return (
        '<p class="about">A warm test rating is of a user and an item with training ratings; the others are '
        "predicted by the fallback or, with --new-movies, by features.</p>\n"
        '<div class="wide"><table>\n<tr>'
        + "".join(f"<th>{column}</th>" for column in columns)
        + "</tr>\n"
        + "\n".join(rows)
        + "\n</table></div>"
    )


def _distinct(manifests: list[Manifest]) -> str:
    """Return a table of the users and items that each model tells apart, as HTML; empty without counts."""
    counted = [(manifest.name, manifest.distinct_vectors) for manifest in manifests]
    rows = [
        f"<tr><td>{name}</td><td>{vectors.users.distinct:,} of {vectors.users.ids:,}</td>"
        f"<td>{vectors.movies.distinct:,} of {vectors.movies.ids:,}</td></tr>"
        for name, vectors in counted
        if vectors is not None
    ]
    if not rows:
        return ""
    item = html.escape(manifests[0].dataset.item_name)
    return (
        '<p class="about">Ids with the same vector get the same predictions. Few bits per value make some '
        "vectors equal.</p>\n"
        '<div class="wide"><table>\n'
        f"<tr><th>model</th><th>distinct users</th><th>distinct {item}s</th></tr>\n"
        + "\n".join(rows)
        + "\n</table></div>"
    )


def _orders(manifests: list[Manifest]) -> str:
    """Return a table of which items come first in each order, as HTML; empty if it was not measured."""
    measured = [manifest.ranking for manifest in manifests if manifest.ranking is not None]
    if not measured:
        return ""
    one, item = measured[0], html.escape(manifests[0].dataset.item_name)
    columns = ("ranked by", f"nDCG@{one.top}", f"recall@{one.top}", f"{item}s shown", "mean popularity")
    rows = [
        f'<tr class="{"reference" if line.is_reference else ""}">'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in line.cells)
        + "</tr>"
        for line in compare_orders(manifests)
    ]
    return (
        f'<h2>Which {item}s come first</h2>\n<div class="wide"><table>\n<tr>'
        + "".join(f"<th>{column}</th>" for column in columns)
        + "</tr>\n"
        + "\n".join(rows)
        + "\n</table></div>\n"
        + f'<p class="about">For {one.users:,} users, the first {one.top} {item}s that they have not rated '
        f"in the training rows, compared with those that they rated at least {one.relevant:g} in the test "
        "rows. The order &quot;likely&quot; is that of a ranking (--ranking-bytes). nDCG is 1 if all of "
        f"those {item}s come first; ± is half the 95 % interval over users. Popularity: number of training "
        "ratings.</p>"
    )


def _svg(chart: Any) -> str:
    written = io.StringIO()
    chart.save(written, format="svg")
    return written.getvalue()


def error_against_bytes(manifests: list[Manifest], dataset: Dataset, store: Path) -> Any:
    """Return a chart with a point for each model of the run and of the store, and lines for biases and mean.

    Args:
        manifests: The models of the run.
        dataset: Their data; models of the store with other test rows are left out.
        store: The models store.
    """
    own = {manifest.name for manifest in manifests}
    frame = pd.DataFrame(
        [
            {
                "model": row.label,
                "bytes": row.nbytes,
                "MSE": row.test_mse,
                "trained": "in this run" if row.label in own else "before",
            }
            for row in references(dataset, store)
            if row.source != "trivial"
        ]
    )
    accuracy = manifests[0].accuracy
    trivial = pd.DataFrame(
        [
            {"name": BIASES, "MSE": accuracy.biases_only_mse},
            {"name": "global mean", "MSE": accuracy.global_mean_mse},
        ]
    )
    y = alt.Y("MSE:Q", title="test MSE", scale=alt.Scale(zero=False, padding=12))
    x = alt.X(
        "bytes:Q",
        title="bytes of the weights (log scale; 10k = 10,000, 1M = 1,000,000)",
        axis=alt.Axis(tickCount=6, format="~s", labelOverlap="greedy"),
        scale=alt.Scale(type="log", padding=60, nice=False),
    )
    models = alt.Chart(frame).encode(x=x, y=y)
    legend = alt.Legend(orient="bottom") if frame["trained"].nunique() > 1 else None
    points = models.mark_point(size=110, filled=True, opacity=1).encode(
        color=alt.Color("model:N", legend=None),
        shape=alt.Shape("trained:N", title="trained", legend=legend),
    )
    names = models.mark_text(dy=-13, fontSize=12).encode(text="model")
    rules = alt.Chart(trivial)
    levels = rules.mark_rule(strokeDash=[5, 4], color="grey").encode(y=y)
    # Right of the chart, where no model's name can be.
    captions = rules.mark_text(align="left", dx=6, color="grey").encode(y=y, x=alt.value(_WIDTH), text="name")
    return alt.layer(levels, captions, points, names).properties(
        width=_WIDTH, height=_HEIGHT, padding={"left": 5, "top": 5, "right": 20, "bottom": 5}
    )


def learning_curves(manifests: list[Manifest]) -> dict[str, Any]:
    """Return charts of the curves of all models by title: of ratings by epoch, of the teacher by round.

    A model has the same colour in all of its curves, and validation another dash than training.
    """
    kinds = {
        _FITTED: (
            {"mse": "training", "val_mse": "validation"},
            "epoch",
            "MSE",
        ),
        _DISTILLED: (
            {"objective": "training"},
            "round",
            "weighted squared difference",
        ),
    }
    charts = {}
    for title, (names, step, measure) in kinds.items():
        rows = [
            {"model": manifest.name, "curve": names[curve], "step": number, "value": value}
            for manifest in manifests
            for curve, values in manifest.training.history.items()
            if curve in names
            for number, value in enumerate(values, start=1)
        ]
        if rows:
            charts[title] = _curves(pd.DataFrame(rows), step, measure)
    return charts


def _curves(frame: pd.DataFrame, step: str, measure: str) -> Any:
    """Return a line for each curve, with a colour for each model and a dash for each kind."""
    colors = alt.Legend(orient="bottom", labelLimit=300, symbolType="stroke", symbolSize=400)
    dashes = None
    if frame["curve"].nunique() > 1:
        dashes = alt.Legend(
            orient="top",
            symbolType="stroke",
            symbolSize=400,
            symbolStrokeColor="black",
            symbolStrokeWidth=2,
        )
    least, most = float(frame["value"].min()), float(frame["value"].max())
    scale = alt.Scale(zero=False)
    if least > 0:
        scale = alt.Scale(type="log", domain=[0.93 * least, 1.07 * most], nice=False)
    curves = alt.Chart(frame).encode(
        x=alt.X("step:O", title=step, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=measure, scale=scale),
    )
    lines = curves.mark_line(strokeWidth=2.5).encode(
        color=alt.Color("model:N", title=None, legend=colors),
        strokeDash=alt.StrokeDash("curve:N", title=None, legend=dashes),
    )
    # A layer of its own: `mark_line(point=True)` makes the lines of the legend transparent.
    points = curves.mark_circle(size=40, opacity=1).encode(
        color=alt.Color("model:N", legend=None), detail="curve:N"
    )
    return alt.layer(lines, points).properties(width=_WIDTH, height=_HEIGHT)


def popularity_with_blocks(manifests: list[Manifest], dataset: Dataset) -> Any:
    """Return a chart of training ratings by rank, on a log scale, with a rule at the start of each block."""
    counts = dataset.movie_popularity
    # A few hundred points draw the same curve as thousands.
    ranks = np.unique(np.linspace(0, counts.size - 1, 400).astype(int))
    frame = pd.DataFrame({"rank": ranks + 1, "ratings": np.maximum(counts[ranks], 0.5)})
    item = dataset.table.item_name
    curve = (
        alt.Chart(frame, width=_WIDTH, height=_HEIGHT)
        .mark_area(opacity=0.6)
        .encode(
            x=alt.X("rank:Q", title=f"{item}, most popular first"),
            y=alt.Y(
                "ratings:Q",
                title="training ratings (log; 0 as 0.5)",
                scale=alt.Scale(type="log"),
                stack=None,
            ),
            tooltip=["rank", "ratings"],
        )
    )
    blocks = _blocks(manifests)
    if not blocks:
        return curve
    rules = alt.Chart(pd.DataFrame(blocks, columns=["model", "begins", "block"]))
    return alt.layer(
        curve,
        rules.mark_rule(strokeDash=[4, 3]).encode(
            x="begins:Q", color=alt.Color("model:N", title="blocks of", legend=alt.Legend(orient="bottom"))
        ),
        rules.mark_text(angle=270, align="right", baseline="top", dx=-4, dy=3).encode(
            x="begins:Q", y=alt.value(0), text="block"
        ),
    )


def _blocks(manifests: list[Manifest]) -> list[tuple[str, int, str]]:
    found = []
    for manifest in manifests:
        side = ModelSettings.model_validate(manifest.settings).movies
        if isinstance(side, MixedDimension) and side.block_sizes and side.block_dims:
            starts = np.concatenate([[0], np.cumsum(side.block_sizes)[:-1]]) + 1
            for start, size, dim in zip(starts, side.block_sizes, side.block_dims, strict=True):
                found.append((manifest.name, int(start), f"{size:,} x {dim}"))
    return found


def write_page(charts: Mapping[str, Any], page: Path) -> Path:
    """Write charts as one HTML page that works offline, and each as a PNG file next to it.

    Args:
        charts: Charts by the name of the PNG file.
        page: Path of the page; its folder is created if missing, and each old file is replaced atomically.

    Returns:
        The page.

    Raises:
        OSError: If the folder cannot be written.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    for name, chart in charts.items():
        with atomic_write(page.with_name(f"{name}.png")) as unfinished:
            chart.save(unfinished, scale_factor=2)
    whole = alt.vconcat(*charts.values()).resolve_scale(color="independent")
    with atomic_write(page) as unfinished:
        # The page includes the plotting library.
        whole.save(unfinished, inline=True)
    return page
