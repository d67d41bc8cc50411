"""Reads ratings from the named columns of a Parquet file, held to the rules of the text layouts.

A "line" of a Parquet file, in errors too, is its row, counted from 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from training.data.readers.columns import ColumnNames, match_columns
from training.data.raw import IdColumn, RawRatings
from training.data.readers.values import (
    HIGHEST_RATING,
    LATEST_TIMESTAMP,
    LOWEST_RATING,
    id_problem,
    parse_number,
    rating_problem,
    scale_hint,
    shown,
    timestamp_problem,
)
from training.errors import DataError


def read_parquet(path: Path, columns: ColumnNames | None) -> RawRatings:
    """Reads and checks every rating.

    Ids may be whole numbers or text, ratings numbers or text, times whole seconds since 1970 or Arrow
    timestamps.

    Args:
        path: The file.
        columns: Column names to take exactly; None looks for the usual words.

    Raises:
        DataError: On a file, a column or a row that cannot be read as ratings.
    """
    table = _read(path, columns)
    for role, column in table.items():
        if column.null_count:
            row = int(pc.index(column.is_null(), True).as_py())
            what = "is missing" if role in ("rating", "timestamp") else "id is missing"
            raise DataError(path, f"the {role} {what}; every rating needs one", line=row + 1)
    try:
        users, movies = (_ids(path, table[role], role) for role in ("user", "movie"))
        ratings = _ratings(path, table["rating"])
        timestamps = _timestamps(path, table["timestamp"]) if "timestamp" in table else None
    except (UnicodeDecodeError, pa.ArrowException) as error:
        # Parquet marks a column as text without looking at its bytes.
        raise DataError(path, f"a column does not hold what it claims: {shown(str(error), 120)}") from error
    return RawRatings(users, movies, ratings, timestamps, first_line=1)


def _read(path: Path, columns: ColumnNames | None) -> dict[str, Any]:
    """The columns by role, as Arrow arrays with at least one row."""
    try:
        with pq.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            positions = match_columns(names, columns, path)
            if positions is None:
                wanted = list(columns.by_role().values()) if columns else ["user", "movie", "rating"]
                raise DataError(
                    path,
                    f"has the columns {shown(', '.join(names))}, not {', '.join(wanted)}; name the columns",
                )
            table = file.read(columns=[names[place] for place in positions.values()])
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # The last for a column's name.
        raise DataError(path, f"cannot be read as Parquet: {shown(str(error), 120)}") from error
    if not table.num_rows:
        raise DataError(path, "there is no rating in it")
    found = {role: table.column(names[place]) for role, place in positions.items()}
    # A column of categories is what it stands for: its dictionary may hold unused or repeated values.
    return {
        role: column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for role, column in found.items()
    }


def _ids(path: Path, column: Any, role: str) -> IdColumn:
    if not (pa.types.is_integer(column.type) or _is_text(column.type)):
        raise DataError(path, f"the {role} ids are {column.type}; store them as whole numbers or as text")
    held_once = _held_once(column)
    problems = [id_problem(text, role) for text in held_once.texts]
    _raise_first(path, np.array([problem is not None for problem in problems]), held_once.codes, problems)
    return held_once


def _ratings(path: Path, column: Any) -> NDArray[np.float32]:
    kind = column.type
    if not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or _is_text(kind)
    ):
        raise DataError(path, f"the ratings are {kind}; store them as numbers from 0 to 5")
    if _is_text(kind):
        held_once = _held_once(column)
        parsed = [parse_number(text) for text in held_once.texts]
        by_code = np.array([np.nan if value is None else value for value in parsed], dtype=np.float64)
        values, texts, codes = by_code[held_once.codes], held_once.texts, held_once.codes
    else:
        values, texts, codes = column.cast(pa.float64(), safe=False).to_numpy(), None, None
    # Written so that NaN fails too.
    bad = ~((values >= LOWEST_RATING) & (values <= HIGHEST_RATING))
    if bad.any():
        row = int(bad.argmax())
        text = texts[codes[row]] if texts is not None and codes is not None else repr(float(values[row]))
        problem = rating_problem(text) or ""
        if "off the scale" in problem:
            problem += scale_hint(float(np.nanmax(values)))
        raise DataError(path, problem, line=row + 1)
    stars: NDArray[np.float32] = values.astype(np.float32)
    return stars


def _timestamps(path: Path, column: Any) -> NDArray[np.int64]:
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s", tz=getattr(kind, "tz", None)), safe=False)
    elif not pa.types.is_integer(kind):
        raise DataError(path, f"the timestamps are {kind}; store them as whole seconds since 1970")
    values: NDArray[np.int64] = column.cast(pa.int64(), safe=False).to_numpy()
    bad = (values < 0) | (values > LATEST_TIMESTAMP)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            path, timestamp_problem(str(values[row])) or "the timestamp is not legal", line=row + 1
        )
    return values


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _held_once(column: Any) -> IdColumn:
    plain = column.cast(pa.string()) if pa.types.is_string_view(column.type) else column
    chunks = plain.dictionary_encode().unify_dictionaries().chunks
    codes: NDArray[np.int32] = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
    return IdColumn(texts=chunks[0].dictionary.cast(pa.string()).to_pylist(), codes=codes)


def _raise_first(
    path: Path, bad: NDArray[np.bool_], codes: NDArray[np.int32], problems: list[str | None]
) -> None:
    if bad.any():
        row = int(bad[codes].argmax())
        raise DataError(path, problems[codes[row]] or "the id is not legal", line=row + 1)
