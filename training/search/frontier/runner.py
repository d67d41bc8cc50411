"""Trains the models of the grid; finished ones are skipped, and each result is saved immediately."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from training.distillation.distiller import errors_on
from training.errors import SettingsError
from training.search.candidates import ONE_CHAIN, CandidateTrainer
from training.search.frontier.grid import Point
from training.search.frontier.table import Row, read_rows, write_rows

# Part of every key; increase it when a change alters the results of the same candidate.
_ALGORITHM = 1


def run_grid(
    points: Sequence[Point], trainer: CandidateTrainer, table: Path
) -> Iterator[tuple[Row | None, str]]:
    """Train the points that the table does not have yet.

    Args:
        points: The points to train.
        trainer: Trains each candidate.
        table: CSV file to which finished rows are appended; rows of other grids in it are kept.

    Yields:
        For every point in the order of the grid: its row, or None if the candidate is not valid for this
        dataset, and a remark why nothing was trained for it, which is empty if it was trained.
    """
    rows = read_rows(table)
    for point in points:
        key = row_key(point, trainer)
        same = [row for row in rows if row.key == key]
        own = [row for row in same if (row.group, row.label) == (point.group, point.candidate.label)]
        if own:
            yield own[0], "found in the table"
            continue
        try:
            row = same[0] if same else _train(point, trainer, key)
        except SettingsError as error:
            yield None, f"{point.candidate.label}: not possible for this data: {error}"
            continue
        row = replace(row, group=point.group, label=point.candidate.label, setting=point.setting)
        rows.append(row)
        write_rows(table, rows)
        yield row, "same as in another group" if same else ""


def row_key(point: Point, trainer: CandidateTrainer) -> str:
    """Return the digest of everything that determines a point's figures."""
    teacher = trainer.teacher
    split = teacher.dataset.split
    decided_by = {
        "algorithm": _ALGORITHM,
        "plan": point.candidate.model_dump(mode="json"),
        "test_rows": split.test_sha256,
        "validation_rows": hashlib.sha256(split.validation.astype("<i8").tobytes()).hexdigest(),
        "scale": teacher.dataset.scale.bounds,
        **teacher.data_key,
    }
    if point.candidate.student is not None and point.candidate.model is None:
        decided_by["teacher"] = teacher.settings.model_dump(mode="json")
        decided_by["blend"] = ONE_CHAIN.model_dump(mode="json")
    return hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]


def _train(point: Point, trainer: CandidateTrainer, key: str) -> Row:
    dataset = trainer.teacher.dataset
    trained = trainer.train(point.candidate)
    test = errors_on(trained, dataset.test, dataset)
    return Row(
        key=key,
        group=point.group,
        label=point.candidate.label,
        family=point.candidate.family,
        setting=point.setting,
        seed=trainer.teacher.seed,
        parameters=trained.parameters,
        nbytes=trained.nbytes,
        validation_mse=round(errors_on(trained, dataset.validation, dataset).mse, 6),
        test_mse=round(test.mse, 6),
        test_mae=round(test.mae, 6),
        seconds=round(trained.seconds, 1),
        source=point.candidate.model_dump_json(exclude_none=True),
    )
