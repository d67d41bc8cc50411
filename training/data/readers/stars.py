"""The column of ratings: what its words mean, which rows have none, and whether they fit the scale."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from training.data.files.engine import quoted
from training.data.files.sources import Source
from training.data.files.values import has_decimal_comma, parse_number, shown
from training.data.readers.gather import Problem
from training.data.readers.scale import NotRated, judge, not_rated_option, written
from training.errors import DataError

# A word of fewer rows is a slip and no marker.
_SHARE: Final = 0.01
_MARKER: Final = re.compile(r"[^\d\s,\"']{0,20}\Z")


@dataclass(frozen=True)
class Stars:
    """The ratings of a table.

    Attributes:
        sql: A DOUBLE.
        problem: The first row without a legal rating, or None.
    """

    sql: str
    problem: Problem | None


@dataclass(frozen=True)
class _Word:
    """One way to write a rating: its text, how many rows have it, and the first of them."""

    text: str
    rows: int
    first: int


def read_stars(
    source: Source, scale: tuple[float, float], not_rated: NotRated | None, notes: list[str]
) -> Stars:
    """Leaves out the rows that are said to be no ratings, and judges the others.

    Args:
        source: Where the column `stars` is.
        scale: Lowest and highest rating.
        not_rated: As for `load_ratings`.
        notes: Gets what the user should know.

    Raises:
        DataError: When no row is left.
    """
    words = _words(source)
    commas = _has_decimal_commas(source, words)
    values = {word.text: parse_number(word.text.replace(",", ".") if commas else word.text) for word in words}
    if not_rated not in (None, "none", ()):
        left_out = [word for word in words if word.text in not_rated or values[word.text] in not_rated]
        notes += _leave_out(source, left_out, not_rated)
        words = _words(source)
    sql = "replace(stars, ',', '.')::DOUBLE" if commas else "stars::DOUBLE"
    unread = [word for word in words if values[word.text] is None]
    if unread:
        markers = _markers(unread, words)
        return Stars(sql, Problem(unread[0].first, _unread(unread[0], markers, scale, not_rated)))
    counts: Counter[float] = Counter()
    for word in words:
        counts[values[word.text] or 0.0] += word.rows
    verdict = judge(counts, scale, not_rated)
    if verdict.note is not None:
        notes.append(verdict.note)
    if verdict.problem is None:
        return Stars(sql, None)
    first = next(word for word in words if values[word.text] in verdict.culprits)
    return Stars(sql, Problem(first.first, f"the rating {shown(first.text)} {verdict.problem}"))


def _words(source: Source) -> list[_Word]:
    """All words of the column, by their first row."""
    found = source.database.execute(
        "SELECT coalesce(stars, ''), count(*), min(rowid) FROM entries GROUP BY stars ORDER BY min(rowid)"
    ).fetchall()
    return [_Word(*row) for row in found]


def _has_decimal_commas(source: Source, words: list[_Word]) -> bool:
    """Whether the column is written with decimal commas throughout, by a program to which that is usual."""
    if source.layout.kind not in ("delimited", "blanks") or source.layout.delimiter == ",":
        return False
    return any(has_decimal_comma(word.text) for word in words) and not any("." in word.text for word in words)


def _leave_out(source: Source, words: list[_Word], not_rated: NotRated) -> list[str]:
    if not words:
        listed = ", ".join(written(one) if isinstance(one, float) else one for one in not_rated)
        return [f"no row has a rating that was said to mean 'not rated' ({listed})"]
    texts = ", ".join(quoted(word.text) for word in words)
    source.database.execute(
        "CREATE TABLE rated AS SELECT rowid AS row, * FROM entries "
        f"WHERE coalesce(stars, '') NOT IN ({texts})"
    )
    source.database.execute("DROP TABLE entries")
    source.database.execute("ALTER TABLE rated RENAME TO entries")
    source.numbered = True
    if not source.count("SELECT count(*) FROM entries"):
        raise DataError(source.path, "no rating is left: all of them were said to mean 'not rated'")
    rows = sum(word.rows for word in words)
    return [f"left out {rows:,} rows whose rating means 'not rated'"]


def _markers(unread: list[_Word], words: list[_Word]) -> list[str]:
    """The words that may well mean "not rated": none of them with a digit, and not all of the rows."""
    total = sum(word.rows for word in words)
    return [
        word.text
        for word in unread
        if word.rows >= _SHARE * total
        and len(unread) < len(words)
        and _MARKER.match(word.text)
    ]


def _unread(
    word: _Word, markers: list[str], scale: tuple[float, float], not_rated: NotRated | None
) -> str:
    """Why a word is no rating, and what to do."""
    plain = f"a number from {scale[0]:g} to {scale[1]:g}"
    if has_decimal_comma(word.text):
        return (
            f"the rating {shown(word.text)} has a decimal comma; write {shown(word.text.replace(',', '.'))} "
            "throughout, or a semicolon between the columns and a comma in every rating"
        )
    if not word.text.strip():
        problem = f"the rating is missing; every rating needs {plain}"
    else:
        problem = f"the rating {shown(word.text)} is not {plain}"
    if word.text not in markers:
        return problem
    option = not_rated_option(markers, not_rated)
    return f"{problem}; where {'it' if len(markers) == 1 else 'that'} means 'not rated', leave such rows out: {option}"
