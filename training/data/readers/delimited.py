"""Reads a delimited ratings file fast and strictly.

Every column is read as text that is held once per distinct value, so that a few thousand ids and a
handful of ratings are checked in Python instead of millions of rows. Whatever is not as it should be
ends this path; the slow pass of `diagnosis` then finds the line and the words for it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from training.data.readers.diagnosis import diagnose
from training.data.readers.layouts import LONGEST_LINE, Layout
from training.data.raw import IdColumn, RawRatings
from training.data.readers.text_scan import TextScan
from training.data.readers.values import LATEST_TIMESTAMP, id_problem, parse_rating
from training.errors import DataError


def read_delimited(path: Path, layout: Layout, scan: TextScan) -> RawRatings:
    """Reads and checks every rating.

    Args:
        path: The file.
        layout: How it is laid out.
        scan: What `scan_text` said about it.

    Raises:
        DataError: On the first line that is not a rating, or when there is no rating at all.
    """
    if scan.lines <= layout.header:
        raise DataError(path, "there is no rating below the header" if layout.header else "the file is empty")
    reason = "the bytes are not tidy text"
    if scan.tidy:
        try:
            if layout.quoted and scan.quotes:
                _check_quotes(path, layout)
            columns = _columns(path, layout)
            return _checked(columns, layout, scan.lines)
        except (pa.ArrowInvalid, csv.Error, ValueError) as error:
            reason = str(error).splitlines()[0]
        except OSError as error:
            raise DataError(path, f"cannot be read: {error.strerror or error}") from error
    raise diagnose(path, layout, reason)


def _check_quotes(path: Path, layout: Layout) -> None:
    """Raises csv.Error where quotes do not pair up. Arrow would read `"2"3` as 23."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in csv.reader(file, delimiter=layout.delimiter, strict=True):
            pass


def _columns(path: Path, layout: Layout) -> dict[str, Any]:
    """The columns by role, as Arrow arrays; those between two halves of `::` by `gap0`, `gap1`..."""
    step = len(layout.delimiter)
    # Only one-character delimiters are fast. `a::b` split at `:` has an empty field between a and b,
    # and `_checked` sees to it that all of those are empty.
    names = [f"column{place}" for place in range(1 + (layout.fields - 1) * step)]
    roles = {role: names[place * step] for role, place in layout.positions.items()}
    if step > 1:
        roles.update({f"gap{place}": name for place, name in enumerate(names) if place % step})
    once = pa.dictionary(pa.int32(), pa.string())
    with pa.OSFile(str(path)) as source:
        table = pa_csv.read_csv(
            source,
            read_options=pa_csv.ReadOptions(
                column_names=names, skip_rows=int(layout.header), block_size=LONGEST_LINE
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=layout.delimiter[0],
                quote_char='"' if layout.quoted else False,
                # A blank line is to fail as a line with empty ids, not to vanish.
                ignore_empty_lines=False,
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(roles.values()),
                # Times hardly repeat, so they gain nothing from being held once.
                column_types={
                    name: pa.string() if role == "timestamp" else once for role, name in roles.items()
                },
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    return {role: table.column(name) for role, name in roles.items()}


def _checked(columns: dict[str, Any], layout: Layout, lines: int) -> RawRatings:
    """Numbers from text. Raises ValueError on anything that is not a rating, without saying where."""
    for role in [role for role in columns if role.startswith("gap")]:
        if any(_held_once(columns.pop(role)).texts):
            raise ValueError("a single delimiter where a double one belongs")
    timestamps = _timestamps(columns.pop("timestamp")) if "timestamp" in columns else None
    users, movies, ratings = (_held_once(columns.pop(role)) for role in ("user", "movie", "rating"))
    if ratings.codes.size != lines - layout.header:
        raise ValueError("a quoted field runs over the end of its line")
    for role, column in (("user", users), ("movie", movies)):
        if any(id_problem(text, role) for text in column.texts):
            raise ValueError(f"a {role} id is not legal")
    stars = [parse_rating(text) for text in ratings.texts]
    if None in stars:
        raise ValueError("a rating is not legal")
    by_code = np.array(stars, dtype=np.float32)
    return RawRatings(users, movies, by_code[ratings.codes], timestamps, first_line=1 + layout.header)


def _held_once(column: Any) -> IdColumn:
    """A dictionary-encoded column with one dictionary for all of its chunks."""
    chunks = column.unify_dictionaries().chunks
    codes: NDArray[np.int32] = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
    return IdColumn(texts=chunks[0].dictionary.to_pylist(), codes=codes)


def _timestamps(column: Any) -> NDArray[np.int64]:
    if not pc.all(pc.ascii_is_decimal(column)).as_py():
        raise ValueError("a timestamp is not a whole number")
    values: NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    if int(values.max()) > LATEST_TIMESTAMP:
        raise ValueError("a timestamp is too large")
    return values
