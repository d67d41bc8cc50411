"""Convert the text columns of `entries` to catalogues of ids and arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import nanoarrow  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import MAX_ID_LENGTH, Vocabulary
from training.data.files.sources import Source
from training.data.files.values import NOTHING, id_problem, shown
from training.data.large_arrays import empty, release

# A whole number in its canonical form.
_NUMBER: Final = "0|[1-9][0-9]{0,18}"
# Table of numbers up to this one: cheaper than a search, and no larger than the rows.
_LARGEST_TABLE: Final = 2**24


@dataclass(frozen=True)
class Problem:
    """An error in a row of the table."""

    row: int
    message: str


class Ids:
    """One column of ids.

    Attributes:
        problem: The first row with an invalid id, or None.
    """

    def __init__(self, source: Source, role: str, *, keep_null_ids: bool) -> None:
        """Group the ids, and check them.

        Args:
            source: The table with the column.
            role: `user` or `movie`.
            keep_null_ids: Whether `NULL`, `nan` and similar words are accepted as ids.
        """
        self._source, self._column, self._prefix = source, f"{role}_id", f"{role}_"
        self._table = f"{self._column}s"
        source.database.execute(
            f"CREATE TABLE {self._table} AS "
            f"SELECT {self._column} AS id, min(rowid) AS first FROM entries GROUP BY 1"
        )
        self.problem = self._illegal(role, keep_null_ids) or self._twofold(role)
        self._skipped: int | None = None
        self._numbers: NDArray[np.int64] | None = None

    def catalogue(self) -> Vocabulary:
        """Return all ids of the column: numbers ascending, other text in order of first appearance."""
        database = self._source.database
        self._skipped = self._in_front()
        if self._skipped is not None:
            query = f"SELECT {self._number('id')} AS n FROM {self._table} ORDER BY n"
            self._numbers = np.asarray(database.execute(query).fetchnumpy()["n"], dtype=np.int64)
            return Vocabulary.from_numbers(self._numbers, self._prefix)
        database.execute(
            f"CREATE TABLE {self._column}_codes AS "
            f"SELECT id, (row_number() OVER (ORDER BY first) - 1)::INTEGER AS code FROM {self._table}"
        )
        rows = database.execute(f"SELECT id FROM {self._column}_codes ORDER BY code").fetchall()
        return Vocabulary.from_texts([text for (text,) in rows])

    @property
    def selected(self) -> str:
        """SQL of the column that `positions` converts to positions."""
        return self._number(self._column) if self._skipped is not None else f"{self._column}_codes.code"

    @property
    def joined(self) -> str:
        """SQL that `selected` needs in addition to the table `entries`."""
        if self._skipped is not None:
            return ""
        return f" JOIN {self._column}_codes ON entries.{self._column} = {self._column}_codes.id"

    def positions(self, selected: NDArray[Any]) -> NDArray[np.int32]:
        """Return the `(n,)` positions in the catalogue of the selected values."""
        if self._numbers is None:
            return np.asarray(selected, dtype=np.int32)
        largest = int(self._numbers[-1])
        if largest < _LARGEST_TABLE:
            table = np.empty(largest + 1, dtype=np.int32)
            table[self._numbers] = np.arange(self._numbers.size, dtype=np.int32)
            return np.asarray(table[selected])
        found: NDArray[np.int32] = np.searchsorted(self._numbers, selected).astype(np.int32)
        return found

    def _number(self, text: str) -> str:
        kind = "INTEGER" if self._numbers is not None and self._numbers[-1] < 2**31 else "BIGINT"
        return f"substr({text}, {self._skipped + 1})::{kind}" if self._skipped else f"{text}::{kind}"

    def _in_front(self) -> int | None:
        """Return the number of characters before the number of each id, or None if an id has none."""
        for front in ("", self._prefix):
            number = f"TRY_CAST(substr(id, {len(front) + 1}) AS BIGINT)"
            others = f"NOT regexp_full_match(id, '{front}({_NUMBER})') OR {number} IS NULL"
            if not self._source.count(f"SELECT count(*) FROM {self._table} WHERE {others}"):
                return len(front)
        return None

    def _illegal(self, role: str, keep_null_ids: bool) -> Problem | None:
        nothing = ", ".join(f"'{word}'" for word in sorted(NOTHING))
        # Printable ASCII without blanks, by far the most frequent, is legal as it is.
        suspicious = (
            f"SELECT coalesce(id, ''), first FROM {self._table} WHERE id IS NULL OR id IN ({nothing}) OR "
            f"length(id) > {MAX_ID_LENGTH} OR NOT regexp_full_match(id, '[!-~]+') {self._colons} "
            "ORDER BY first"
        )
        for text, first in _fetched(self._source, suspicious):
            problem = id_problem(text, role, keep_null_ids=keep_null_ids)
            if problem is None and self._colons and ":" in text:
                problem = "a field contains ':', but '::' separates the fields; remove it"
            if problem is not None:
                return Problem(first, problem)
        return None

    @property
    def _colons(self) -> str:
        return "OR contains(id, ':')" if self._source.layout.delimiter == "::" else ""

    def _twofold(self, role: str) -> Problem | None:
        twice = (
            f"SELECT a.id, greatest(a.first, b.first) FROM {self._table} a JOIN {self._table} b "
            "ON b.id = regexp_replace(a.id, '[.]0+$', '') WHERE regexp_full_match(a.id, '[0-9]+[.]0+') "
            "ORDER BY 2 LIMIT 1"
        )
        for text, row in _fetched(self._source, twice):
            whole = shown(text.partition(".")[0])
            return Problem(
                row,
                f"the {role} ids hold {whole} as well as {shown(text)}, which are two ids and look like one; "
                "write whole numbers throughout (in pandas: .astype('Int64') before to_csv)",
            )
        return None


@dataclass(frozen=True)
class Rows:
    """The rows of the table as arrays.

    Attributes:
        user_index: `(rows,)` positions in the catalogue of users.
        movie_index: `(rows,)` positions in the catalogue of movies.
        ratings: `(rows,)` on the scale.
        timestamps: `(rows,)` seconds since 1970, or None.
    """

    user_index: NDArray[np.int32]
    movie_index: NDArray[np.int32]
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None


def read_rows(source: Source, users: Ids, movies: Ids, rating: str, time: str | None) -> Rows:
    """Read the rows of the table into arrays.

    Args:
        source: The table.
        users: The column of users, whose catalogue is complete.
        movies: The column of movies, likewise.
        rating: SQL for the rating, a DOUBLE.
        time: SQL for the time, a BIGINT; None if the rows have no times.
    """
    rows = source.count("SELECT count(*) FROM entries")
    user_index, movie_index = empty(rows, np.int32), empty(rows, np.int32)
    ratings = empty(rows, np.float32)
    times = None if time is None else empty(rows, np.int64)
    joined = users.joined + movies.joined
    selected = [users.selected, movies.selected, rating, time or "0", "entries.rowid" if joined else "0"]
    # Streamed, so that the engine never holds all of them.
    result = source.database.sql(f"SELECT {', '.join(selected)} FROM entries {joined}")
    done = 0
    for block in nanoarrow.ArrayStream(result):
        columns = [np.asarray(block.child(place).buffer(1))[: len(block)] for place in range(len(selected))]
        # A join need not keep the order of the rows.
        place = columns[4] if joined else slice(done, done + len(block))
        user_index[place] = users.positions(columns[0])
        movie_index[place] = movies.positions(columns[1])
        ratings[place] = columns[2]
        if times is not None:
            times[place] = columns[3]
        done += len(block)
    release(user_index, movie_index, ratings, *(() if times is None else (times,)))
    return Rows(user_index, movie_index, ratings, times)


def _fetched(source: Source, query: str) -> Iterator[tuple[Any, ...]]:
    found = source.database.execute(query)
    while rows := found.fetchmany(10_000):
        yield from rows
