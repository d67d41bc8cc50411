"""Read files into one table of text columns, in the order of the files.

The table `entries` has a column for each role that was found (`COLUMNS`): the text in the file, or NULL if
it is missing. In a file of items, other columns are named by their position, such as `column_3`. Times have
two columns: `time_number`, a DOUBLE, and `time_text` for those that are no numbers. The `rowid` is the
position of the row.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import duckdb

from training.data.files.columns import (
    RATING_WORDS,
    ColumnNames,
    Words,
    match_columns,
    missing_roles,
    no_column,
)
from training.data.files.engine import named, path_of, quoted
from training.data.files.layouts import FIELDS_BEFORE_FLAGS, Layout, recognise
from training.data.files.lines import first_bad_line, first_line_without_json, line_of_row
from training.data.files.plain_file import LONGEST_LINE, PlainFile, as_text, without_blocks
from training.data.files.text_scan import TextScan, file_sha256, scan_text
from training.data.files.values import shown
from training.errors import DataError

COLUMNS: Final = MappingProxyType(
    {
        "user": "user_id",
        "movie": "movie_id",
        "rating": "rating",
        "title": "title",
        "categories": "categories",
    }
)
# Kinds whose rows are not lines.
_ENTRIES: Final = frozenset({"json-array", "json"})
_JESTER_JOKES: Final = 100
_WHOLE: Final = r"U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER"
# Types that a Parquet column may have.
_ID_TYPE: Final = re.compile(rf'(?:"NULL"|VARCHAR|UUID|ENUM\(.*|{_WHOLE})\Z')
_RATING_TYPE: Final = re.compile(rf'(?:"NULL"|VARCHAR|ENUM\(.*|{_WHOLE}|FLOAT|DOUBLE|DECIMAL\(.*)\Z')


@dataclass(frozen=True)
class Part:
    """One file, and the rows that it became.

    Attributes:
        plain: The file.
        layout: Its layout.
        sha256: Digest of the file that was given.
        first: Position of its first row.
        rows: Number of its rows.
        one_line_each: Whether every row is on one line.
    """

    plain: PlainFile
    layout: Layout
    sha256: str
    first: int = 0
    rows: int = 0
    one_line_each: bool = True


@dataclass
class Source:
    """The table `entries` of a database, and where its rows come from.

    Attributes:
        database: The database with the table.
        path: The path that the user gave: the file, or the folder of its parts.
        words: Words of each role that a header may have.
        parts: The files in order.
        numbered: Whether the table has a column `row`: the position before other rows were left out.
    """

    database: duckdb.DuckDBPyConnection
    path: Path
    words: Words
    parts: list[Part] = field(default_factory=list)
    numbered: bool = False

    @property
    def layout(self) -> Layout:
        """Layout of the files."""
        return self.parts[0].layout

    @property
    def sha256(self) -> str:
        """Digest of the file; of several, the digest of their digests."""
        digests = [part.sha256 for part in self.parts]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def count(self, query: str) -> int:
        """Return the single number that a query yields."""
        return int(self.database.execute(query).fetchall()[0][0])

    def place(self, row: int) -> str:
        """Return the place of a row of the table in its file: `line 5`."""
        part, place = self._origin(row)
        return f"entry {place + 1}" if part.layout.kind in _ENTRIES else f"line {_line(part, place)}"

    def error(self, message: str, row: int) -> DataError:
        """Return an error with the file and line of a row of the table; in a JSON array with its entry."""
        part, place = self._origin(row)
        if part.layout.kind in _ENTRIES:
            return DataError(part.plain.given, f"entry {place + 1}: {message}")
        return DataError(part.plain.given, message, line=_line(part, place))

    def _origin(self, row: int) -> tuple[Part, int]:
        """Return the file of a row of the table, and its position there."""
        if self.numbered:
            row = self.count(f"SELECT row FROM entries WHERE rowid = {row}")
        part = next(part for part in reversed(self.parts) if part.first <= row)
        return part, row - part.first


def read_files(
    database: duckdb.DuckDBPyConnection,
    path: Path,
    files: Sequence[PlainFile],
    columns: ColumnNames | None,
    folder: Path,
    words: Words = RATING_WORDS,
) -> Source:
    """Read files of the same layout into the table `entries`.

    Args:
        database: An empty database.
        path: The path that the user gave, for messages.
        files: At least one file, in the order of their rows.
        columns: The columns to read; None finds them by common names.
        folder: The folder for copies.
        words: Words of each role that a header may have.

    Raises:
        DataError: A file cannot be read, or has no row.
    """
    source = Source(database, path, words)
    rows = 0
    for plain in files:
        if len(files) > 1 and not plain.path.stat().st_size:
            continue
        read = _parquet if plain.is_parquet else _text
        part = read(source, plain, columns, folder)
        part = replace(part, first=rows, rows=source.count("SELECT count(*) FROM entries") - rows)
        rows += part.rows
        source.parts.append(part)
    if not rows:
        below = bool(source.parts) and source.layout.skipped
        raise DataError(path, f"there is no row {'below the header' if below else 'in it'}")
    return source


def _text(source: Source, plain: PlainFile, columns: ColumnNames | None, folder: Path) -> Part:
    layout = recognise(plain, columns, source.words)
    scan = scan_text(plain.path, layout.delimiter.encode() if _counts_marks(layout) else b"")
    sha256 = scan.sha256 if plain.path == plain.given else file_sha256(plain.given)
    if not source.parts and scan.lines <= layout.skipped:
        raise DataError(plain.given, "there is no row below the header")
    if scan.lone_returns and scan.utf8 and layout.kind in ("delimited", "blanks", "jester"):
        # The engine may take one for the end of a row.
        bad = first_bad_line(plain, layout)
        if bad is not None:
            raise bad
    plain = as_text(plain, scan, folder)
    if layout.kind == "netflix":
        plain = without_blocks(plain, folder)
    before = source.count("SELECT count(*) FROM entries") if source.parts else 0
    layout = _inserted(source, plain, layout, scan)
    part = Part(plain, layout, sha256, one_line_each=not (layout.quoted and scan.quotes))
    rows = source.count("SELECT count(*) FROM entries") - before
    if part.one_line_each and not _is_whole(layout, scan, rows):
        problem = f"cannot be read as {layout.name}: {rows:,} rows were found in {scan.lines:,} lines"
        raise first_bad_line(plain, layout) or DataError(plain.given, problem)
    return part


def _inserted(source: Source, plain: PlainFile, layout: Layout, scan: TextScan) -> Layout:
    """Read the rows of a text file into the table; return the layout that matched."""
    attempts = [layout]
    if layout.quoted and scan.escaped_quotes:
        attempts.append(replace(layout, escape="\\"))
    refusal: DataError | None = None
    for attempt in attempts:
        try:
            _insert(source, plain, attempt.positions, _query(plain.path, attempt, scan))
        except duckdb.Error as error:
            refusal = refusal or _refusal(plain, attempt, error)
        else:
            return attempt
    raise refusal or DataError(plain.given, "cannot be read")


def _insert(source: Source, plain: PlainFile, positions: Mapping[str, int], query: str) -> None:
    """Add the rows of a query to the table, which the first file creates."""
    if not source.parts:
        source.database.execute(f"CREATE TABLE entries AS {query}")
        return
    timed = "timestamp" in source.layout.positions
    if timed != ("timestamp" in positions):
        first = source.parts[0].plain.given.name
        raise DataError(plain.given, f"has {'no ' if timed else ''}times, unlike {first}; give one of them")
    source.database.execute(f"INSERT INTO entries BY NAME {query}")


def _query(path: Path, layout: Layout, scan: TextScan) -> str:
    """Return the SQL that selects the columns of the table from a text file."""
    if layout.kind.startswith("json"):
        return _json_query(path, layout)
    if layout.kind == "blanks":
        fields = "string_split_regex(trim(line, ' \t'), '[ \t]+')"
        whole = f"CASE WHEN len(fields) = {len(layout.names)} THEN fields ELSE error('fields') END"
        lines = _csv(path, replace(layout, delimiter="\x01", quoted=False), scan, ["line"])
        rows = (
            f"(SELECT {whole} AS fields FROM (SELECT {fields} AS fields FROM {lines} WHERE line IS NOT NULL))"
        )
        texts = {role: f"fields[{place + 1}]" for role, place in layout.positions.items()}
        return f"SELECT {_selected(texts)} FROM {rows}"
    names = [f"f{place + 1}" for place in range(len(layout.names))]
    table = _csv(path, layout, scan, names)
    if layout.kind == "jester":
        jokes = ", ".join(names[1:])
        return (
            f"SELECT n::VARCHAR AS user_id, unnest(range(1, {len(names)}))::VARCHAR AS movie_id, "
            f"unnest([{jokes}]) AS rating FROM (SELECT row_number() OVER () AS n, * FROM {table})"
        )
    texts = {role: names[place] for role, place in layout.positions.items() if place < len(names)}
    if layout.name == "u.item":
        texts["categories"] = f"concat_ws('|', {', '.join(names[FIELDS_BEFORE_FLAGS:]) or 'NULL'})"
    return f"SELECT {_selected(texts)} FROM {table}"


def _selected(columns: Mapping[str, str]) -> str:
    """Return the SQL of the table's columns from the SQL of the text of each role."""
    selected = [
        f"{text} AS {COLUMNS.get(role, role)}" for role, text in columns.items() if role != "timestamp"
    ]
    if "timestamp" in columns:
        # Most times are numbers, which need less memory than text.
        number = f"TRY_CAST({columns['timestamp']} AS DOUBLE)"
        selected.append(f"{number} AS time_number")
        selected.append(f"CASE WHEN {number} IS NULL THEN {columns['timestamp']} END AS time_text")
    return ", ".join(selected)


def _csv(path: Path, layout: Layout, scan: TextScan, names: Sequence[str]) -> str:
    delimiter = layout.delimiter + (" " if layout.blank_after else "")
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    crlf = scan.ends > 0 and scan.ends == scan.newlines and layout.kind != "netflix"
    end = r"\r\n" if crlf else r"\n"
    return (
        f"read_csv({path_of(path)}, auto_detect = false, columns = {{{columns}}}, header = false, "
        f"skip = {layout.skipped}, delim = {quoted(delimiter)}, new_line = '{end}', "
        f"quote = {quoted(chr(34) if layout.quoted else '')}, "
        f"escape = {quoted(layout.escape if layout.quoted else '')}, max_line_size = {LONGEST_LINE})"
    )


def _json_query(path: Path, layout: Layout) -> str:
    names = {role: layout.names[place] for role, place in layout.positions.items()}
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names.values())
    kind = {"json-lines": "newline_delimited", "json-array": "array"}.get(layout.kind, "unstructured")
    selected = _selected({role: named(name) for role, name in names.items()})
    return f"SELECT {selected} FROM read_json({path_of(path)}, format = '{kind}', columns = {{{columns}}})"


def _parquet(source: Source, plain: PlainFile, columns: ColumnNames | None, _: Path) -> Part:
    table = f"read_parquet({path_of(plain.path)}, hive_partitioning = false)"
    try:
        described = source.database.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
        types = {str(name): str(kind) for name, kind, *_ in described}
        names = list(types)
        positions = match_columns(names, columns, plain.given, source.words)
        missing = missing_roles(positions, columns, source.words)
        if missing:
            raise DataError(plain.given, no_column(missing, names, columns, source.words))
        for role, place in positions.items():
            _check_type(plain, role, types[names[place]])
        selected = _selected(
            {role: _as_text(named(names[place]), types[names[place]]) for role, place in positions.items()}
        )
        _insert(source, plain, positions, f"SELECT {selected} FROM {table}")
    except duckdb.Error as error:
        raise DataError(plain.given, f"cannot be read as Parquet: {_said(error, plain)}") from error
    layout = Layout("parquet", "parquet", "", tuple(names), positions)
    return Part(plain, layout, file_sha256(plain.given))


def _as_text(column: str, kind: str) -> str:
    return f"to_json({column})::VARCHAR" if kind.endswith("[]") else f"{column}::VARCHAR"


def _check_type(plain: PlainFile, role: str, kind: str) -> None:
    if role in ("user", "movie") and not _ID_TYPE.match(kind):
        raise DataError(plain.given, f"the {role} ids are {kind}; store them as whole numbers or as text")
    if role == "rating" and not _RATING_TYPE.match(kind):
        raise DataError(plain.given, f"the ratings are {kind}; store them as numbers")


def _is_whole(layout: Layout, scan: TextScan, rows: int) -> bool:
    """Return whether the numbers of rows and fields match those of lines and delimiters."""
    if layout.kind not in ("delimited", "blanks", "jester"):
        return True
    if layout.kind == "jester":
        rows //= _JESTER_JOKES
    if rows != scan.lines - layout.skipped:
        return False
    marks = (rows + layout.header) * (len(layout.names) - 1) + layout.delimiter_line
    return not _counts_marks(layout) or scan.marks == marks


def _counts_marks(layout: Layout) -> bool:
    return layout.kind in ("delimited", "jester") and len(layout.delimiter) == 1


def _line(part: Part, row: int) -> int | None:
    layout = part.layout
    if layout.kind == "jester":
        row //= _JESTER_JOKES
    if layout.kind in ("netflix", "json-lines") or not part.one_line_each:
        return line_of_row(part.plain, layout, row)
    return row + 1 + layout.skipped


def _refusal(plain: PlainFile, layout: Layout, error: duckdb.Error) -> DataError:
    if layout.kind.startswith("json"):
        bad = first_line_without_json(plain) if layout.kind == "json-lines" else None
        return bad or DataError(plain.given, f"cannot be read as JSON: {_said(error, plain)}")
    bad = first_bad_line(plain, layout)
    return bad or DataError(plain.given, f"cannot be read as {layout.name}: {_said(error, plain)}")


def _said(error: duckdb.Error, plain: PlainFile) -> str:
    """Return the first line of the engine's message, with the name of the file that was given."""
    said = str(error).partition("\n")[0].partition(": ")
    return shown((said[2] or said[0]).replace(str(plain.path.resolve()), plain.given.name), 160)
