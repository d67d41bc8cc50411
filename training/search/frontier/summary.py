"""Summary over seeds, one line per model: mean, spread, and whether another model dominates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.search.frontier.table import Row

COLUMNS: Final = (
    "group",
    "model",
    "parameters",
    "bytes",
    "validation MSE",
    "test MSE",
    "RMSE / width",
    "spread",
    "seeds",
    "seconds",
)
"""Column titles of `cells`."""


def summarise(rows: Sequence[Row]) -> pd.DataFrame:
    """Return one line for each group and label, in order of first appearance.

    Returns:
        `group`, `label`, `family`, `setting` as in `Row`; `seeds`, their number; `parameters` and `nbytes` of
        the last seed; the means `validation_mse`, `test_mse` and `seconds`; `spread`, the largest minus the
        smallest test MSE; and whether no other model dominates it in bytes (`best_bytes`) or in parameters
        (`best_parameters`) and test MSE.
    """
    frame = pd.DataFrame([asdict(row) for row in rows])
    lines = frame.groupby(["group", "label"], sort=False, as_index=False).agg(
        family=("family", "last"),
        setting=("setting", "last"),
        seeds=("seed", "size"),
        parameters=("parameters", "last"),
        nbytes=("nbytes", "last"),
        validation_mse=("validation_mse", "mean"),
        test_mse=("test_mse", "mean"),
        spread=("test_mse", np.ptp),
        seconds=("seconds", "mean"),
    )
    errors = lines["test_mse"].to_numpy()
    lines["best_bytes"] = non_dominated(lines["nbytes"].to_numpy(), errors)
    lines["best_parameters"] = non_dominated(lines["parameters"].to_numpy(), errors)
    return lines


def non_dominated(sizes: NDArray[np.int64], errors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points are on the Pareto front of size and error.

    A point is dominated if another is no larger and has no larger error, and differs in one of the two.

    Args:
        sizes: `(n,)` size of each point; 0 means unknown: such a point neither dominates nor is on the front.
        errors: `(n,)` error of each point.
    """
    size, error = sizes[:, None], errors[:, None]
    no_worse = (sizes > 0) & (sizes <= size) & (errors <= error)
    dominated = (no_worse & ((sizes < size) | (errors < error))).any(axis=1)
    return (sizes > 0) & ~dominated


def cells(lines: pd.DataFrame, scale: RatingScale) -> list[tuple[str, ...]]:
    """Return the lines as text for `COLUMNS`; a star marks sizes of non-dominated models."""
    return [_cells(line, scale) for line in lines.itertuples()]


def _cells(line: Any, scale: RatingScale) -> tuple[str, ...]:
    return (
        line.group,
        line.label,
        f"{line.parameters:,}{' ★' if line.best_parameters else ''}",
        f"{line.nbytes:,}{' ★' if line.best_bytes else ''}",
        "" if np.isnan(line.validation_mse) else f"{line.validation_mse:.4f}",
        f"{line.test_mse:.4f}",
        f"{line.test_mse**0.5 / scale.width:.4f}",
        f"{line.spread:.4f}" if line.seeds > 1 else "",
        str(line.seeds),
        f"{line.seconds:.0f}" if line.seconds else "",
    )


def as_markdown(lines: pd.DataFrame, scale: RatingScale) -> str:
    """Return the table in Markdown."""
    ruler = ("---", "---", *["---:"] * (len(COLUMNS) - 2))
    return "".join(f"| {' | '.join(row)} |\n" for row in (COLUMNS, ruler, *cells(lines, scale)))
