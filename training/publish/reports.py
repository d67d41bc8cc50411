"""Writes plots of a training run: an interactive page that works offline, and a PNG file for each plot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from training.artefact.files import atomic_write
from training.artefact.manifest import Manifest
from training.data.dataset import Dataset
from training.errors import ReportError
from training.families import MixedDimension
from training.settings import ModelSettings

_WIDTH, _HEIGHT = 420, 240


def write_report(manifests: list[Manifest], dataset: Dataset, folder: Path) -> Path:
    """Write `training.html` and `loss.png`, `popularity.png`, `memory.png` to `folder`.

    Args:
        manifests: The models that were trained together.
        dataset: The data that they were trained on.
        folder: Created if missing; files of the same names are replaced.

    Returns:
        The page.

    Raises:
        ReportError: If the folder cannot be written.
    """
    charts = {
        "loss": loss_by_epoch(manifests),
        "popularity": popularity_with_blocks(manifests, dataset),
        "memory": parameters_and_bytes(manifests),
    }
    try:
        return write_page(charts, folder / "training.html")
    except OSError as error:
        raise ReportError(f"{folder}: the plots cannot be written ({error.strerror or error})") from error


def loss_by_epoch(manifests: list[Manifest]) -> Any:
    """Return a chart with a line for each model and curve, and a point for each epoch."""
    names = {"mse": "training MSE", "val_mse": "validation MSE"}
    rows = [
        {"model": manifest.name, "curve": names[curve], "epoch": epoch, "MSE": value}
        for manifest in manifests
        for curve, values in manifest.training.history.items()
        if curve in names
        for epoch, value in enumerate(values, start=1)
    ]
    return (
        alt.Chart(pd.DataFrame(rows), title="Loss by epoch", width=_WIDTH, height=_HEIGHT)
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:O", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("MSE:Q", scale=alt.Scale(zero=False)),
            color="model:N",
            strokeDash="curve:N",
            tooltip=["model", "curve", "epoch", alt.Tooltip("MSE:Q", format=".4f")],
        )
    )


def popularity_with_blocks(manifests: list[Manifest], dataset: Dataset) -> Any:
    """Return a chart of training ratings by rank, on a log scale, with a rule at the start of each block."""
    counts = dataset.movie_popularity
    # A few hundred points draw the same curve as thousands.
    ranks = np.unique(np.linspace(0, counts.size - 1, 400).astype(int))
    frame = pd.DataFrame({"rank": ranks + 1, "ratings": np.maximum(counts[ranks], 0.5)})
    title = f"Training ratings of each movie of {dataset.table.name}, and the blocks"
    curve = (
        alt.Chart(frame, title=title, width=_WIDTH, height=_HEIGHT)
        .mark_area(opacity=0.6)
        .encode(
            x=alt.X("rank:Q", title="movie, most popular first"),
            y=alt.Y(
                "ratings:Q",
                title="training ratings (log; 0 is drawn as 0.5)",
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
        rules.mark_rule(strokeDash=[4, 3]).encode(x="begins:Q", color="model:N", tooltip=["model", "block"]),
        rules.mark_text(angle=270, align="right", baseline="top", dx=-4, dy=3).encode(
            x="begins:Q", y=alt.value(0), text="block"
        ),
    )


def parameters_and_bytes(manifests: list[Manifest]) -> Any:
    """Return bar charts of the parameters and weight bytes of each model."""
    rows = [(manifest.name, manifest.parameters.total, manifest.weights_bytes) for manifest in manifests]
    frame = pd.DataFrame(rows, columns=["model", "parameters", "weight bytes"])

    def bars(what: str) -> Any:
        return (
            alt.Chart(frame, title=what.capitalize(), width=_WIDTH // 2 - 20, height=_HEIGHT)
            .mark_bar()
            .encode(
                x=alt.X("model:N", title=None, axis=alt.Axis(labelAngle=0)),
                y=alt.Y(f"{what}:Q", title=what),
                color=alt.Color("model:N", legend=None),
                tooltip=["model", alt.Tooltip(f"{what}:Q", format=",")],
            )
        )

    return alt.hconcat(bars("parameters"), bars("weight bytes"))


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
