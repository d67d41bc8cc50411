"""The frontier's table: one row a model, in a CSV that grows as models finish."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from training.artefact.files import atomic_write
from training.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model's figures.

    Attributes:
        key: Digest of all that decides the figures; what is there under its key is not computed again.
        group: Which question the model belongs to (see `training.search.frontier.grid`), or `reference`.
        label: The model in a few words, unique in its group.
        family: What its tables are: `full`, `quotient_remainder`, `mixed_dimension`, `hashing_trick`,
            `packed` or `mixed`.
        setting: The one number that the group varies, for its chart's axis; empty for a reference.
        seed: Of training.
        parameters: Logical scalars before packing; 0 where it is not known.
        nbytes: Bytes of all arrays, ids apart; 0 where it is not known.
        validation_mse: In squared stars, on rows that it was not fitted on; NaN for a reference.
        test_mse: The same on every test row, cold ones by the fallback.
        test_mae: Mean absolute error on these, in stars; NaN where it is not known.
        seconds: Wall time of fitting.
        source: The candidate as JSON, or where a reference's figure comes from.
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
    """The finished rows of a table; none where there is no file.

    A last line without its end was being written when a run was stopped; it does not count.

    Raises:
        DataError: It is not such a table.
    """
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    rows = []
    for number, cells in enumerate(csv.reader(io.StringIO(whole)), start=1):
        if number == 1:
            if cells != _COLUMNS:
                raise DataError(path, "is not a frontier's table; remove it to begin anew", 1)
            continue
        try:
            values = {name: _KINDS[name](cell) for name, cell in zip(_COLUMNS, cells, strict=True)}
            rows.append(Row(**values))
        except ValueError as error:
            raise DataError(path, f"is not a row of a frontier's table ({error})", number) from error
    return rows


def append_row(path: Path, row: Row) -> None:
    """Add a finished row, on disk when this returns."""
    rows = read_rows(path)
    if rows and path.read_bytes().endswith(b"\n"):
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(astuple(row))
            file.flush()
            os.fsync(file.fileno())
    else:
        write_rows(path, [*rows, row])


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a whole table in place of what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(astuple(row) for row in rows)


def non_dominated(sizes: list[int], errors: list[float]) -> list[bool]:
    """Which points no other beats: none is as small or smaller with a lower error, or smaller at the same.

    Args:
        sizes: Of each point; 0 is an unknown size, which neither beats nor is marked.
        errors: Of each point.
    """
    known = [(size, error) for size, error in zip(sizes, errors, strict=True) if size]
    marks = []
    for size, error in zip(sizes, errors, strict=True):
        beaten = any(
            other_size <= size and other_error <= error and (other_size, other_error) != (size, error)
            for other_size, other_error in known
        )
        marks.append(bool(size) and not beaten)
    return marks
