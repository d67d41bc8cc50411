"""Recognise the layout of a text file by its first lines.

A header is recognised by the words in `columns`. Without a header, the first line must be a row: a user, a
movie, a number and optionally a time.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final

from training.data.files.columns import (
    OPTION_NAMES,
    RATING_WORDS,
    ColumnNames,
    Words,
    match_columns,
    missing_roles,
    no_column,
)
from training.data.files.plain_file import LONGEST_LINE, PlainFile, head_of
from training.data.files.values import has_decimal_comma, parse_number, shown
from training.errors import DataError

# Each is one character, except `::`; a blank matches any run of blanks and tabs. See also `_QUOTED`.
_DELIMITERS: Final = ("::", ",", ";", "\t", "|", " ")
_QUOTED: Final = frozenset({",", ";", "\t", "|"})
_SAMPLE: Final = 100
_MOVIELENS_HEADER: Final = ["userId", "movieId", "rating", "timestamp"]
_IN_ORDER: Final[Mapping[str, int]] = MappingProxyType({"user": 0, "movie": 1, "rating": 2, "timestamp": 3})
_DELIMITER_LINE: Final = re.compile(r'"?sep=(.)"?\Z')
_NETFLIX_BLOCK: Final = re.compile(r"[0-9]+:\Z")
# Fields of the lines that `without_blocks` writes, with the movie of the block at the end.
_NETFLIX_FIELDS: Final[Mapping[str, int]] = MappingProxyType(
    {"user": 0, "rating": 1, "timestamp": 2, "movie": 3}
)
# The number of a user's ratings, then a rating of each of the 100 jokes, where 99 means "not rated".
_JESTER_FIELDS: Final = 101
_JESTER_NONE: Final = 99.0
# Files without a header, by name. `u.item` has a flag for each genre, after other fields.
_MOVIELENS_ITEMS: Final[Mapping[str, str]] = MappingProxyType({"movies.dat": "::", "u.item": "|"})
FIELDS_BEFORE_FLAGS: Final = 5
LONE_RETURN: Final = "a carriage return is inside the line; save the file with Unix or Windows line ends"


@dataclass(frozen=True)
class Layout:
    """How to read a text file.

    Attributes:
        name: As in `RatingsTable.layout`.
        kind: `delimited`, `blanks` (runs of blanks between fields), `netflix`, `jester`, `json-lines`,
            `json-array` or `json`.
        delimiter: Text between two fields; empty for the JSON kinds.
        names: Column names in file order; `column 1` and so on without a header.
        positions: Role -> field number from 0.
        delimiter_line: Whether the first line names the delimiter (`sep=;`).
        header: Whether the next line names the columns.
        quoted: Whether fields may be in double quotes.
        blank_after: Whether a blank follows every delimiter.
        escape: The character before a double quote inside a quoted field.
    """

    name: str
    kind: str
    delimiter: str
    names: tuple[str, ...]
    positions: Mapping[str, int]
    delimiter_line: bool = False
    header: bool = False
    quoted: bool = False
    blank_after: bool = False
    escape: str = '"'

    @property
    def skipped(self) -> int:
        """Number of lines before the first row."""
        return int(self.delimiter_line) + int(self.header)

    def split(self, line: str) -> list[str]:
        """Return the fields of one line, which has no line end.

        Raises:
            csv.Error: The quotes of a quoted layout are not balanced.
        """
        if not self.delimiter:
            return [line]
        if not self.quoted:
            return line.split() if self.delimiter == " " else line.split(self.delimiter)
        return _split(line, self.delimiter, blank_after=self.blank_after, escape=self.escape)


def recognise(plain: PlainFile, columns: ColumnNames | None, words: Words = RATING_WORDS) -> Layout:
    """Recognise the layout of a text file.

    Args:
        plain: The file.
        columns: Columns to read; None finds them by common names.
        words: Words of each role that a header may have.

    Raises:
        DataError: It has no known layout; the message states what was found.
    """
    lines = _first_lines(plain)
    if words is not RATING_WORDS and plain.given.name in _MOVIELENS_ITEMS:
        delimiter = _MOVIELENS_ITEMS[plain.given.name]
        positions = {"movie": 0, "title": 1, "categories": 2 if delimiter == "::" else FIELDS_BEFORE_FLAGS}
        fields = 3 if delimiter == "::" else lines[0].count(delimiter) + 1
        return Layout(plain.given.name, "delimited", delimiter, tuple(_numbers([""] * fields)), positions)
    if lines[0].lstrip()[:1] in ("{", "["):
        found = _json(plain, "\n".join(lines), columns, words)
        if found is not None:
            return found
    delimiter_line = _DELIMITER_LINE.match(lines[0])
    if delimiter_line:
        lines = lines[1:]
        if not lines:
            raise DataError(plain.given, "there is no row below the line that names the delimiter")
    delimiters = (delimiter_line[1],) if delimiter_line else _DELIMITERS
    start = _Start(plain, lines, delimiters, delimiter_line is not None, columns, words)
    if words is not RATING_WORDS:
        return _with_header(start)
    places = columns.by_place() if columns is not None else None
    if places is not None:
        return _numbered(start, places)
    if columns is None:
        if _NETFLIX_BLOCK.match(lines[0]):
            names = ("user", "rating", "date", "movie")
            return Layout("netflix", "netflix", ",", names, _NETFLIX_FIELDS)
        headless = _jester(lines) or _without_header(start)
        if headless is not None:
            return headless
    return _with_header(start)


@dataclass(frozen=True)
class _Start:
    """The first lines of a file, below one that names the delimiter, and what to look for in them."""

    plain: PlainFile
    lines: Sequence[str]
    delimiters: Sequence[str]
    delimiter_line: bool
    columns: ColumnNames | None
    words: Words

    @property
    def line(self) -> int:
        """Number of the first of the lines."""
        return 1 + int(self.delimiter_line)

    def layout(
        self, name: str, delimiter: str, names: Sequence[str], positions: Mapping[str, int], *, header: bool
    ) -> Layout:
        """Return the layout of a delimited file."""
        return Layout(
            name=name,
            kind="blanks" if delimiter == " " else "delimited",
            delimiter=delimiter,
            names=tuple(names),
            positions=positions,
            delimiter_line=self.delimiter_line,
            header=header,
            quoted=delimiter in _QUOTED and name != "ml-100k",
            blank_after=_blank_after(self.lines, delimiter),
        )


def _first_lines(plain: PlainFile) -> list[str]:
    """Return the first lines without their ends; at least one."""
    raw = head_of(plain, LONGEST_LINE)
    if not raw:
        raise DataError(plain.given, "the file is empty")
    *whole, rest = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").split("\n")
    # The last line may be cut off, unless the file ends there.
    if len(raw) < LONGEST_LINE or not whole:
        whole = [*whole, rest] if rest or not whole else whole
    lines = [line.removesuffix("\r") for line in whole[:_SAMPLE]]
    if not lines[0].strip():
        if not any(line.strip() for line in whole):
            raise DataError(plain.given, "the file is empty")
        raise DataError(plain.given, "the line is blank; remove it", line=1)
    if "\0" in lines[0]:
        raise DataError(
            plain.given, "this is not text; save the ratings as CSV in UTF-8, or as Parquet", line=1
        )
    if "\r" in lines[0]:
        raise DataError(plain.given, LONE_RETURN, line=1)
    return lines


def _split(line: str, delimiter: str, *, blank_after: bool = False, escape: str = '"') -> list[str]:
    """Split a line, whose fields may be quoted if the delimiter allows it."""
    if delimiter == " ":
        return line.split()
    if delimiter not in _QUOTED:
        return line.split(delimiter)
    doubled = escape == '"'
    reader = csv.reader(
        [line],
        delimiter=delimiter,
        strict=True,
        skipinitialspace=blank_after,
        doublequote=doubled,
        escapechar=None if doubled else escape,
    )
    # The reader yields nothing for an empty line, which here is one empty field.
    return next(reader, None) or [""]


def _fields(line: str, delimiter: str, *, blank_after: bool = False) -> list[str]:
    """Split a line; return no fields if it is not valid with this delimiter."""
    try:
        return _split(line, delimiter, blank_after=blank_after)
    except csv.Error:
        return []


def _with_header(start: _Start) -> Layout:
    """Return the layout of a file whose first line names its columns."""
    fitting: list[Layout] = []
    best: tuple[list[str], list[str]] = ([], list(start.words))
    for delimiter in start.delimiters:
        if delimiter == " " and fitting:
            # A run of blanks may contain tabs.
            break
        names = _fields(start.lines[0], delimiter, blank_after=True)
        found = match_columns(names, start.columns, start.plain.given, start.words) if len(names) > 1 else {}
        missing = missing_roles(found, start.columns, start.words)
        if not missing:
            own = delimiter != "," or names != _MOVIELENS_HEADER or start.columns is not None
            fitting.append(start.layout("csv" if own else "ml-csv", delimiter, names, found, header=True))
        elif len(names) > 1 and (len(missing), -len(names)) < (len(best[1]), -len(best[0])):
            best = names, missing
    if len(fitting) > 1:
        both = " and ".join(repr(layout.delimiter) for layout in fitting)
        problem = f"line {start.line} is a header with {both} alike; use one delimiter"
        raise DataError(start.plain.given, problem, line=start.line)
    if fitting:
        return fitting[0]
    unknown = start.columns is None and len(best[1]) == len(missing_roles({}, None, start.words))
    if unknown and start.words is RATING_WORDS and (name := _movielens_name(start)):
        # The reader reports what is wrong with the first row.
        delimiter, names = {"ml-1m": "::", "ml-100k": "\t"}[name], _numbers(list(_IN_ORDER))
        return start.layout(name, delimiter, names, _IN_ORDER, header=False)
    raise DataError(start.plain.given, _no_header(start, *best), line=start.line)


def _movielens_name(start: _Start) -> str | None:
    """Return the MovieLens layout of a first line without a rating, by its delimiter or the file's name."""
    first = start.lines[0]
    if "::" in first or (start.plain.given.name == "ratings.dat" and "\t" not in first):
        return "ml-1m"
    return "ml-100k" if start.plain.given.name == "u.data" else None


def _no_header(start: _Start, names: Sequence[str], missing: Sequence[str]) -> str:
    first = start.lines[0]
    if not names:
        return (
            "not a known layout; put a header on top that names a user, a movie and a rating column, with "
            f"commas, semicolons or tabs between. Line {start.line} is {shown(first)}"
        )
    problem = no_column(missing, names, start.columns, start.words)
    if start.words is not RATING_WORDS:
        return problem
    return f"{problem}; in a file without a header, number them: --columns user=1,movie=2,rating=3"


def _blank_after(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether a blank follows each delimiter of each row of the sample."""
    if delimiter not in (",", ";", "|"):
        return False
    rows = [line for line in lines[1:] or lines if line.strip()]
    return bool(rows) and all(line.count(delimiter) == line.count(f"{delimiter} ") > 0 for line in rows)


def _without_header(start: _Start) -> Layout | None:
    for delimiter in ("\t\t", *start.delimiters):
        fields = [field.strip() for field in _fields(start.lines[0], delimiter)]
        if 3 <= len(fields) <= 4 and all(fields) and _is_rating(fields[2], delimiter):
            known = {"::": "ml-1m", "\t": "ml-100k"} if len(fields) == 4 else {}
            positions = {role: place for role, place in _IN_ORDER.items() if place < len(fields)}
            name = known.get(delimiter, "csv")
            return start.layout(name, delimiter, _numbers(fields), positions, header=False)
    return None


def _numbered(start: _Start, places: Mapping[str, int]) -> Layout:
    """Return the layout with numbered columns, and the delimiter that results in most ratings."""
    last = max(places.values())
    best: tuple[int, str] = (0, "")
    for delimiter in ("\t\t", *start.delimiters):
        rows = [_fields(line, delimiter) for line in start.lines]
        ratings = [row[places["rating"]].strip() for row in rows if len(row) > max(last, 1)]
        best = max(
            best, (sum(_is_rating(rating, delimiter) for rating in ratings), delimiter), key=itemgetter(0)
        )
    if best[0]:
        first = _fields(start.lines[0], best[1])
        header = len(first) > last and not _is_rating(first[places["rating"]].strip(), best[1])
        names = first if header else _numbers(first)
        return start.layout("csv", best[1], names, dict(places), header=header)
    wanted = ", ".join(f"{OPTION_NAMES[role]} {place + 1}" for role, place in places.items())
    line = shown(start.lines[0], 120)
    raise DataError(
        start.plain.given,
        f"line {start.line} has no columns {wanted} with a number as the rating: {line}",
        line=start.line,
    )


def _is_rating(field: str, delimiter: str) -> bool:
    return parse_number(field) is not None or (delimiter != "," and has_decimal_comma(field))


def _numbers(fields: Sequence[str]) -> list[str]:
    return [f"column {place + 1}" for place in range(len(fields))]


def _jester(lines: Sequence[str]) -> Layout | None:
    for delimiter in (",", ";", "\t"):
        rows = [_fields(line, delimiter) for line in lines if line.strip()]
        if all(len(row) == _JESTER_FIELDS and _counts_itself(row) for row in rows):
            names = tuple(f"column {place + 1}" for place in range(_JESTER_FIELDS))
            return Layout("jester", "jester", delimiter, names, {}, quoted=True)
    return None


def _counts_itself(row: Sequence[str]) -> bool:
    numbers = [parse_number(field.strip()) for field in row]
    return None not in numbers and numbers[0] == sum(number != _JESTER_NONE for number in numbers[1:])


def _json(plain: PlainFile, text: str, columns: ColumnNames | None, words: Words) -> Layout | None:
    """Return the layout of JSON objects, in lines, an array or a sequence; None if the text has none."""
    decoder, bare = json.JSONDecoder(), text.lstrip()
    array = bare.startswith("[")
    place, entries = (1 if array else 0), list[dict[str, Any]]()
    try:
        while len(entries) < _SAMPLE:
            while bare[place : place + 1] in (" ", "\n", "\r", "\t", ","):
                place += 1
            entry, place = decoder.raw_decode(bare, place)
            if not isinstance(entry, dict):
                break
            entries.append(entry)
    except (ValueError, RecursionError):
        # The end of the text, which may be cut off, or an error that the reader will report.
        if not entries:
            if re.match(r"\{\s*'", bare):
                raise DataError(
                    plain.given,
                    "this is Python and not JSON, which has double quotes; write each row with json.dumps",
                    line=1,
                ) from None
            return None
    if not entries:
        raise DataError(
            plain.given, "is JSON, but not of objects that have a user, a movie and a rating", line=1
        )
    names = list(dict.fromkeys(key for entry in entries for key in entry))
    found = match_columns(names, columns, plain.given, words)
    missing = missing_roles(found, columns, words)
    if missing:
        raise DataError(plain.given, no_column(missing, names, columns, words), line=1)
    for role in ("user", "movie"):
        values = [entry.get(names[found[role]]) for entry in entries] if role in found else []
        nested = next((value for value in values if isinstance(value, dict | list | bool)), None)
        if nested is not None:
            problem = f"the {role} is {shown(json.dumps(nested))}; write its id, as text or a whole number"
            raise DataError(plain.given, problem, line=1)
    first_line = text.partition("\n")[0]
    kind = "json-array" if array else "json-lines" if _is_object(first_line) else "json"
    return Layout("json", kind, "", tuple(names), found)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
