"""Finds the first line that is not a rating, and the words for it.

Slow, line by line; only run when the fast reader has given up.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from training.data.readers.layouts import LONGEST_LINE, Layout
from training.data.readers.values import (
    HIGHEST_RATING,
    id_problem,
    parse_number,
    rating_problem,
    scale_hint,
    shown,
    timestamp_problem,
)
from training.errors import DataError


def diagnose(path: Path, layout: Layout, reason: str) -> DataError:
    """The error to raise for a file that the fast reader gave up on.

    Args:
        path: The file.
        layout: How it should be laid out.
        reason: What the fast reader said, for the case that no line is to blame.
    """
    try:
        for number, raw in _numbered(path):
            if number == 1 and layout.header:
                continue
            problem = _line_problem(raw, layout)
            if problem is not None:
                if "off the scale" in problem:
                    problem += scale_hint(_highest_rating(path, layout))
                return DataError(path, problem, line=number)
    except OSError as error:
        return DataError(path, f"cannot be read: {error.strerror or error}")
    return DataError(path, f"cannot be read as {layout.name}: {reason}")


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(LONGEST_LINE):
            number += 1
            yield number, raw if number > 1 else raw.removeprefix(codecs.BOM_UTF8)


def _line_problem(raw: bytes, layout: Layout) -> str | None:
    """What is wrong with one line, or None. The checks go from the whole line to its single values."""
    if len(raw) >= LONGEST_LINE:
        return f"the line is longer than {LONGEST_LINE:,} bytes; this is not a ratings file"
    body = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not body.strip():
        return "the line is blank; remove it"
    try:
        line = body.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} is not UTF-8 text; save the file as UTF-8"
    if "\r" in line:
        return "a carriage return stands inside the line; save the file with Unix or Windows line ends"
    try:
        fields = layout.split(line)
    except csv.Error:
        return f"a quoted field is not closed on its own line: {shown(line)}"
    if len(fields) != layout.fields:
        return (
            f"expected {layout.fields} fields separated by {layout.delimiter!r}, "
            f"found {len(fields)}: {shown(line)}"
        )
    return _fields_problem(fields, layout)


def _fields_problem(fields: list[str], layout: Layout) -> str | None:
    if len(layout.delimiter) > 1 and any(layout.delimiter[0] in field for field in fields):
        return f"a {layout.delimiter[0]!r} stands beside a {layout.delimiter!r}; no field may hold one"
    values = {role: fields[place] for role, place in layout.positions.items()}
    problem = (
        id_problem(values["user"], "user")
        or id_problem(values["movie"], "movie")
        or rating_problem(values["rating"])
    )
    if problem is None and "timestamp" in values:
        problem = timestamp_problem(values["timestamp"])
    return problem


def _highest_rating(path: Path, layout: Layout) -> float:
    """The highest readable number of the rating column: it tells a wrong scale from a slip."""
    highest = HIGHEST_RATING
    for _, raw in _numbered(path):
        try:
            fields = layout.split(raw.decode().rstrip("\r\n"))
        except (UnicodeDecodeError, csv.Error):
            continue
        if len(fields) == layout.fields:
            highest = max(highest, parse_number(fields[layout.positions["rating"]]) or 0.0)
    return highest
