"""Recognises how a delimited ratings file is laid out, by its first line."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from training.data.readers.columns import ColumnNames, match_columns
from training.data.readers.values import parse_number, shown
from training.errors import DataError

LONGEST_LINE: Final = 2**20
_CSV_DELIMITERS: Final = (",", ";", "\t")
_MOVIELENS_HEADER: Final = ["userId", "movieId", "rating", "timestamp"]
_IN_ORDER: Final[Mapping[str, int]] = MappingProxyType({"user": 0, "movie": 1, "rating": 2, "timestamp": 3})
# Beginnings of files that are compressed or of another kind altogether.
_NOT_TEXT: Final = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet; unpack it, or export it as CSV"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"BZh", "compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "compressed with xz; unpack it first"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
)


@dataclass(frozen=True)
class Layout:
    """How to read the lines of a ratings file.

    Attributes:
        name: As in `RatingsTable.layout`.
        delimiter: Text between two fields.
        fields: How many fields every line has.
        positions: Role (`user`, `movie`, `rating`, perhaps `timestamp`) -> field number from 0.
        header: Whether line 1 names the columns.
        quoted: Whether a field may stand in double quotes.
    """

    name: str
    delimiter: str
    fields: int
    positions: Mapping[str, int]
    header: bool
    quoted: bool

    def split(self, line: str) -> list[str]:
        """The fields of one line, without its line end.

        Raises:
            csv.Error: When the quotes of a quoted layout do not pair up.
        """
        if not self.quoted:
            return line.split(self.delimiter)
        # The reader yields nothing for an empty line, which is one empty field to us.
        return next(csv.reader([line], delimiter=self.delimiter, strict=True), None) or [""]


ML_1M: Final = Layout("ml-1m", "::", 4, _IN_ORDER, header=False, quoted=False)
ML_100K: Final = Layout("ml-100k", "\t", 4, _IN_ORDER, header=False, quoted=False)


def recognise(path: Path, columns: ColumnNames | None) -> Layout:
    """Tells the layout of a delimited ratings file.

    Args:
        path: The file.
        columns: Column names to take exactly, which makes it a CSV with a header; None looks.

    Raises:
        DataError: When it is none of the layouts, showing line 1.
    """
    first = _first_line(path)
    layout = _with_header(path, first, columns)
    if layout is not None:
        return layout
    if columns is not None:
        wanted = ", ".join(map(repr, columns.by_role().values()))
        raise DataError(path, f"line 1 does not name the columns {wanted}: {shown(first)}", line=1)
    if path.name == "ratings.dat" or "::" in first:
        return ML_1M
    tabbed = first.split("\t")
    if path.name == "u.data" or (len(tabbed) == 4 and parse_number(tabbed[2]) is not None):
        return ML_100K
    if any(_all_numbers(first.split(delimiter)) for delimiter in (*_CSV_DELIMITERS, "|", " ")):
        reason = "line 1 is no header; put one on top, such as userId,movieId,rating,timestamp"
    else:
        reason = (
            "not a known layout; a CSV needs a header with a user, a movie and a rating column, separated by "
            "commas, semicolons or tabs (or name the columns)"
        )
    raise DataError(path, f"{reason}. Line 1 is {shown(first)}", line=1)


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.readline(LONGEST_LINE)
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}") from error
    if not raw:
        raise DataError(path, "the file is empty")
    for beginning, what in _NOT_TEXT:
        if raw.startswith(beginning):
            raise DataError(path, f"this is {what}")
    try:
        # Programs under Windows put a byte order mark in front, which is no part of the text.
        return raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(path, "the line is not UTF-8 text; save the file as UTF-8", line=1) from error


def _with_header(path: Path, first: str, columns: ColumnNames | None) -> Layout | None:
    fitting: list[Layout] = []
    for delimiter in _CSV_DELIMITERS:
        try:
            names = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        positions = match_columns(names, columns, path)
        if positions is not None:
            own = delimiter != "," or names != _MOVIELENS_HEADER or columns is not None
            name = "csv" if own else "ml-csv"
            fitting.append(Layout(name, delimiter, len(names), positions, header=True, quoted=True))
    if len(fitting) > 1:
        both = " and ".join(repr(layout.delimiter) for layout in fitting)
        raise DataError(path, f"line 1 is a header with {both} alike; use one delimiter", line=1)
    return fitting[0] if fitting else None


def _all_numbers(fields: list[str]) -> bool:
    return len(fields) >= 3 and all(parse_number(field) is not None for field in fields)
