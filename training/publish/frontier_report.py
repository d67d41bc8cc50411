"""Charts of the frontier: error against bytes and parameters, and one chart for each question."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import altair as alt
import pandas as pd

from training.publish.reports import write_page
from training.search.frontier.references import GROUP as REFERENCE

_WIDTH, _HEIGHT = 520, 360
_SMALL_WIDTH, _SMALL_HEIGHT = 300, 220
# A reference this many times smaller or larger than all models of the grid is drawn as a line.
_FAR: Final = 3
# The charts of one group of models each: title, the setting that varies, and the term that starts a label.
# Parameters are equal along a line of the first two; a temperature of 0 is a uniform width.
_QUESTIONS: Final = {
    "hashing": ("Quotient-remainder against hashing", "ids a row", "technique"),
    "mixed": ("Mixed against uniform widths", "temperature", "parameters of"),
    "rounding": ("Rounded after the fit", "bits a value", "model"),
}


def write_charts(lines: pd.DataFrame, title: str, folder: Path) -> Path:
    """Write `frontier.html` and `bytes.png`, `parameters.png`, `questions.png` to `folder`.

    Args:
        lines: Models and references, from `summarise`.
        title: Data set and split.
        folder: Created if missing; files of the same names are replaced.

    Returns:
        The page, which opens without a network.
    """
    charts = {
        "bytes": error_against(lines, "nbytes", "bytes of all arrays (log)", "best_bytes", title),
        "parameters": error_against(lines, "parameters", "parameters (log)", "best_parameters", title),
    }
    questions = [
        _question(lines[lines["group"] == group].copy(), *question)
        for group, question in _QUESTIONS.items()
        if (lines["group"] == group).any()
    ]
    if questions:
        charts["questions"] = alt.concat(*questions, columns=2).resolve_scale(color="independent")
    return write_page(charts, folder / "frontier.html")


def error_against(frame: pd.DataFrame, size: str, size_title: str, best: str, title: str) -> Any:
    """Return a chart with a point for each model; non-dominated models are larger and joined by a line.

    A reference far smaller or larger than all trained models is a dashed line at its error, because as a
    point it would compress the scale. Both axes are logarithmic. A click in the legend selects a group.
    """
    known = frame[frame[size] > 0]
    trained = known[known["group"] != REFERENCE][size]
    within = (known["group"] != REFERENCE) | known[size].between(trained.min() / _FAR, trained.max() * _FAR)
    picked = alt.selection_point(fields=["group"], bind="legend", name=f"picked_{size}")
    x = alt.X(f"{size}:Q", title=size_title, scale=_log_scale(known[within][size], 1.3, 2.2))
    y = alt.Y("test_mse:Q", title="test MSE (log)", scale=_log_scale(known["test_mse"], 1.02, 1.02))
    base = alt.Chart(known[within], title=f"{title}: test error against {size_title.split(' (')[0]}")
    line = base.transform_filter(alt.datum[best]).mark_line(color="black", opacity=0.35).encode(x=x, y=y)
    points = (
        base.mark_point(filled=True)
        .encode(
            x=x,
            y=y,
            color=alt.Color("group:N", title="group (click to pick)"),
            shape=alt.Shape("family:N", title="tables"),
            size=alt.condition(alt.datum[best], alt.value(130), alt.value(50)),
            opacity=alt.condition(picked, alt.value(0.95), alt.value(0.08)),
            tooltip=[
                "group",
                "label",
                alt.Tooltip("parameters:Q", format=","),
                alt.Tooltip("nbytes:Q", format=",", title="bytes"),
                alt.Tooltip("validation_mse:Q", format=".4f"),
                alt.Tooltip("test_mse:Q", format=".4f"),
                alt.Tooltip("spread:Q", format=".4f"),
                "seeds",
            ],
        )
        .add_params(picked)
    )
    names = (
        base.transform_filter(alt.datum.group == REFERENCE)
        .mark_text(align="left", dx=8, dy=-5, fontSize=10)
        .encode(x=x, y=y, text="label")
    )
    far = known[~within].copy()
    far["caption"] = [f"{row.label} ({getattr(row, size):,})" for row in far.itertuples()]
    levels = alt.Chart(far)
    rules = levels.mark_rule(strokeDash=[5, 4], color="grey").encode(
        y=y, tooltip=["label", alt.Tooltip(f"{size}:Q", format=",")]
    )
    captions = levels.mark_text(align="right", dy=-5, fontSize=10, color="grey").encode(
        x=alt.value(_WIDTH - 4), y=y, text="caption"
    )
    layers = alt.layer(rules, captions, line, points, names).properties(width=_WIDTH, height=_HEIGHT)
    return layers.interactive(name=f"zoomed_{size}")


def _log_scale(values: pd.Series[Any], below: float, above: float) -> Any:
    """Return a scale that extends beyond the values by two factors, to make room for labels."""
    domain = [float(values.min()) / below, float(values.max()) * above]
    return alt.Scale(type="log", domain=domain, nice=False)


def _question(rows: pd.DataFrame, title: str, asked: str, by: str) -> Any:
    """Return the chart of the error by the setting `asked`, with a line for each `by`."""
    rows[by] = rows["label"].str.rsplit(",", n=1).str[0].str.removeprefix("as ")
    rows[asked] = rows["setting"].astype(float)
    rows["low"], rows["high"] = rows["test_mse"] - rows["spread"] / 2, rows["test_mse"] + rows["spread"] / 2
    base = alt.Chart(rows, title=title, width=_SMALL_WIDTH, height=_SMALL_HEIGHT).encode(
        x=alt.X(f"{asked}:Q", scale=alt.Scale(zero=False)), color=alt.Color(f"{by}:N")
    )
    lines = base.mark_line(point=True).encode(
        y=alt.Y("test_mse:Q", title="test MSE", scale=alt.Scale(zero=False)),
        tooltip=["label", alt.Tooltip("test_mse:Q", format=".4f"), alt.Tooltip("parameters:Q", format=",")],
    )
    return lines + base.mark_rule().encode(y="low:Q", y2="high:Q")
