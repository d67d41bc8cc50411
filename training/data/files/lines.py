"""Find the first line that is not a row, and the line of a row.

This reads line by line, which is slow, so it is used only for a file that is about to be refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Final

from training.data.files.layouts import LONE_RETURN, Layout
from training.data.files.plain_file import LONGEST_LINE, PlainFile
from training.data.files.values import shown
from training.errors import DataError

_BLANK: Final = "the line is blank; remove it"


def first_bad_line(plain: PlainFile, layout: Layout) -> DataError | None:
    """Return the error of the first line that is not a row of its layout, or None."""
    blank = 0
    lines = _Lines(plain)
    try:
        with lines:
            for line, fields, text in _rows(lines, layout):
                if not text.strip("\r\n"):
                    blank = blank or line
                    continue
                # Blank lines are allowed at the end of the file.
                if blank and layout.kind != "netflix":
                    return DataError(plain.given, _BLANK, line=blank)
                problem = _row_problem(fields, text, layout)
                if problem is not None:
                    return DataError(plain.given, problem, line=line)
    except csv.Error as error:
        return DataError(plain.given, _quotes_problem(error, lines), line=lines.began)
    except _TooLong:
        problem = f"the line is longer than {LONGEST_LINE:,} bytes; this is not a ratings file"
        return DataError(plain.given, problem, line=lines.number)
    except OSError as error:
        return DataError(plain.given, f"cannot be read: {error.strerror or error}")
    return None


def first_line_without_json(plain: PlainFile) -> DataError | None:
    """Return the error of the first line that is neither blank nor JSON, or None."""
    lines = _Lines(plain)
    try:
        with lines:
            for line in lines:
                if line.strip():
                    json.loads(line)
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        problem = f"the line is not JSON ({said}): {shown(lines.last.strip())}"
        return DataError(plain.given, problem, line=lines.number)
    except _TooLong:
        return None
    except OSError as error:
        return DataError(plain.given, f"cannot be read: {error.strerror or error}")
    return None


def line_of_row(plain: PlainFile, layout: Layout, row: int) -> int | None:
    """Return the line on which a row begins, counted from 1.

    Args:
        plain: The file.
        layout: Its layout, of a kind whose rows begin on a line of their own.
        row: Position of the row from 0, not counting blank lines.
    """
    with _Lines(plain) as lines:
        rows = (line for line, fields, _ in _rows(lines, layout) if fields not in ([], [""]))
        try:
            return next(line for place, line in enumerate(rows) if place == row)
        except (StopIteration, csv.Error, _TooLong):
            return None


class _TooLong(Exception):
    """A line is longer than any row."""


class _Lines:
    """The lines of a text file, counted.

    Attributes:
        number: Number of the last line that was read.
        began: Number of the line on which the last row began.
        last: The last line that was read.
        text: The last row.
    """

    def __init__(self, plain: PlainFile) -> None:
        self.number, self.began, self.last, self.text = 0, 0, "", ""
        # Only line feeds end a line, so the csv module sees a carriage return inside a line.
        self._file = io.TextIOWrapper(plain.path.open("rb"), "utf-8-sig", newline="\n")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_LINE):
            self.number, self.last = self.number + 1, line
            if len(line) >= LONGEST_LINE:
                raise _TooLong
            self.text = self.text + line if self.text else line
            yield line

    def next_row(self) -> None:
        """Start a new row."""
        self.began, self.text = self.number + 1, ""


def _rows(lines: _Lines, layout: Layout) -> Iterator[tuple[int, list[str], str]]:
    """Yield first line, fields and text of each row."""
    reader = iter(lines)
    for _ in range(layout.skipped):
        next(reader, None)
    lines.next_row()
    if layout.quoted:
        doubled = layout.escape == '"'
        parsed: Iterator[list[str]] = csv.reader(
            reader,
            delimiter=layout.delimiter,
            strict=True,
            skipinitialspace=layout.blank_after,
            doublequote=doubled,
            escapechar=None if doubled else layout.escape,
        )
    else:
        parsed = (layout.split(line.removesuffix("\n").removesuffix("\r")) for line in reader)
    for fields in parsed:
        yield lines.began, fields, lines.text
        lines.next_row()


def _row_problem(fields: list[str], text: str, layout: Layout) -> str | None:
    whole = text.removesuffix("\n").removesuffix("\r")
    if not whole.strip():
        return _BLANK
    if "\r" in whole and '"' not in whole:
        return LONE_RETURN
    if len(fields) != len(layout.names) and layout.kind == "netflix":
        return f"expected a user, a rating and a date separated by ',': {shown(whole.rpartition(',')[0])}"
    if len(fields) != len(layout.names):
        between = "blanks" if layout.delimiter == " " else repr(layout.delimiter)
        return (
            f"expected {len(layout.names)} fields separated by {between}, found {len(fields)}: {shown(whole)}"
        )
    if layout.blank_after and _unlike(whole, layout):
        return f"no blank follows a {layout.delimiter!r}, as in other lines: {shown(whole)}"
    if layout.delimiter == "::" and "user" in layout.positions and any(":" in field for field in fields):
        return "a field contains ':', but '::' separates the fields; remove it"
    return None


def _unlike(text: str, layout: Layout) -> bool:
    return '"' not in text and text.count(layout.delimiter) != text.count(f"{layout.delimiter} ")


def _quotes_problem(error: csv.Error, lines: _Lines) -> str:
    if "new-line character" in str(error):
        return LONE_RETURN
    return f"a quoted field is not closed, or text follows its end: {shown(lines.text.rstrip())}"
