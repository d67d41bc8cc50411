"""Working through the grid: what is finished is skipped, and each finished model is on disk at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from training.data.dataset import Dataset
from training.errors import SettingsError
from training.search.candidates import Bench
from training.search.frontier.grid import Point
from training.search.frontier.table import Row, append_row, read_rows

# Goes into every key; raise it when the same plan would come out differently.
_ALGORITHM = 1

OnRow = Callable[[int, int, Row | None, str], None]
"""Called with (points done, points in all, the finished row or None where it was impossible, a remark)."""


def run_grid(points: Sequence[Point], bench: Bench, table: Path, on_row: OnRow) -> list[Row]:
    """Rows of all points that this dataset allows, in the grid's order.

    Args:
        points: What to make.
        bench: Makes it.
        table: The CSV of finished rows, which grows; rows of other grids in it stay.
        on_row: Told about each point.
    """
    finished = read_rows(table)
    rows = []
    for done, point in enumerate(points, start=1):
        key = row_key(point, bench)
        same = [row for row in finished if row.key == key]
        own = [row for row in same if (row.group, row.label) == (point.group, point.label)]
        if own:
            on_row(done, len(points), own[0], "found in the table")
            rows.append(own[0])
            continue
        try:
            row = _name(same[0], point) if same else _make(point, bench, key)
        except SettingsError as error:
            on_row(done, len(points), None, f"{point.label}: not possible here: {error}")
            continue
        append_row(table, row)
        finished.append(row)
        rows.append(row)
        on_row(done, len(points), row, "the same as another group's" if same else "")
    return rows


def row_key(point: Point, bench: Bench) -> str:
    """Digest of all that decides a point's figures."""
    split = bench.dataset.split
    decided_by = {
        "algorithm": _ALGORITHM,
        "plan": point.plan.model_dump(mode="json"),
        "data": bench.dataset.table.sha256,
        "test_rows": split.test_sha256,
        "validation_rows": hashlib.sha256(split.validation.astype("<i8").tobytes()).hexdigest(),
        "seed": bench.seed,
    }
    if point.plan.student is not None and point.plan.model is None:
        decided_by["teacher"] = bench.teacher.model_dump(mode="json")
        decided_by["blend"] = bench.blend.model_dump(mode="json")
    return hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]


def _name(row: Row, point: Point) -> Row:
    return replace(row, group=point.group, label=point.label, setting=point.setting)


def _make(point: Point, bench: Bench, key: str) -> Row:
    dataset: Dataset = bench.dataset
    made = bench.make(point.plan)
    test = made.errors_on(dataset.test, dataset)
    return Row(
        key=key,
        group=point.group,
        label=point.label,
        family=point.plan.family,
        setting=point.setting,
        seed=bench.seed,
        parameters=made.parameters,
        nbytes=made.nbytes,
        validation_mse=round(made.errors_on(dataset.validation, dataset).mse, 6),
        test_mse=round(test.mse, 6),
        test_mae=round(test.mae, 6),
        seconds=round(made.seconds, 1),
        source=point.plan.model_dump_json(exclude_none=True),
    )
