"""The table of the frontier: a CSV file with one row per finished model."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from training.artefact.files import atomic_write
from training.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model's figures; errors are on the scale of the ratings.

    Attributes:
        key: Digest of everything that determines the figures; rows with a known key are not recomputed.
        group: The question that the model belongs to (see `training.search.frontier.grid`), or `reference`.
        label: Short description of the model, unique in its group.
        family: Family of its tables: `full`, `quotient_remainder`, `mixed_dimension`, `hashing_trick`,
            `packed` or `mixed`.
        setting: The number that the group varies, for the axis of its chart; empty for a reference.
        seed: Seed of training.
        parameters: Number of logical scalars before packing; 0 if unknown.
        nbytes: Bytes of all arrays, without ids; 0 if unknown.
        validation_mse: MSE on validation rows; NaN for a reference.
        test_mse: MSE on all test rows; cold rows are predicted by the fallback.
        test_mae: Mean absolute error on the test rows; NaN if unknown.
        seconds: Wall-clock time of fitting.
        source: The candidate as JSON, or the source of a reference's figures.
    """

    key: str = ""
    group: str
    label: str
    family: str
    setting: str = ""
    seed: int = 0
    parameters: int
    nbytes: int
    validation_mse: float = math.nan
    test_mse: float
    test_mae: float = math.nan
    seconds: float = 0.0
    source: str


_COLUMNS = [field.name for field in fields(Row)]
_KINDS = {field.name: {"str": str, "int": int, "float": float}[str(field.type)] for field in fields(Row)}


def read_rows(path: Path) -> list[Row]:
    """Return the finished rows of a table; none if the file is missing.

    Raises:
        DataError: If it is not such a table.
    """
    if not path.exists():
        return []
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, cells in enumerate(csv.reader(file), start=1):
            if number == 1:
                if cells != _COLUMNS:
                    raise DataError(path, "is not a frontier's table; remove it to start again", 1)
                continue
            try:
                values = {name: _KINDS[name](cell) for name, cell in zip(_COLUMNS, cells, strict=True)}
                rows.append(Row(**values))
            except ValueError as error:
                raise DataError(path, f"is not a row of a frontier's table ({error})", number) from error
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a whole table atomically, replacing any previous file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(astuple(row) for row in rows)
