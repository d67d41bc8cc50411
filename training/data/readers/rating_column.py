"""Read the column of ratings: parse its texts, leave out rows without a rating, and check the scale."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from training.data.files.engine import quoted
from training.data.files.sources import Source
from training.data.files.values import NUMBER, has_decimal_comma, shown
from training.data.readers.gather import Problem
from training.data.readers.scale import NotRated, judge, not_rated_option, written
from training.errors import DataError

# A text in fewer rows is taken as a mistake, not as a marker.
_SHARE: Final = 0.01
_MARKER: Final = re.compile(r"[^\d\s,\"']{0,20}\Z")
# Maximum number of texts without a number, and of distinct ratings, that are checked one by one.
_MOST_TEXTS: Final = 1_000
_MOST_RATINGS: Final = 100_000


@dataclass(frozen=True)
class RatingColumn:
    """The ratings of a table.

    Attributes:
        sql: A DOUBLE.
        problem: The first row without a legal rating, or None.
    """

    sql: str
    problem: Problem | None


def read_rating_column(
    source: Source,
    scale: tuple[float, float],
    not_rated: NotRated | None,
    notes: list[str],
    scale_is_fixed: bool = False,
) -> RatingColumn:
    """Leave out the rows that have no rating by `not_rated`, and check the others.

    Args:
        source: The table with the column `rating`.
        scale: Lowest and highest rating.
        not_rated: As for `load_ratings`.
        scale_is_fixed: As for `load_ratings`.
        notes: List to which notes for the user are added.

    Raises:
        DataError: No row is left.
    """
    _group(source)
    text = "replace(rating, ',', '.')" if _has_decimal_commas(source) else "rating"
    number = f"CASE WHEN regexp_full_match({text}, '{NUMBER}') THEN {text}::DOUBLE END"
    if not_rated not in (None, "none", ()):
        notes.append(_leave_out(source, number, not_rated))
        _group(source)
    unread = source.database.execute(
        f"SELECT coalesce(rating, ''), many, first FROM texts WHERE ({number}) IS NULL "
        f"ORDER BY first LIMIT {_MOST_TEXTS}"
    ).fetchall()
    if unread:
        rows = source.count("SELECT count(*) FROM entries")
        markers = [one for one, many, _ in unread if many >= _SHARE * rows and _MARKER.match(one)]
        if sum(many for _, many, _ in unread) == rows:
            markers = []
        first, _, row = unread[0]
        return RatingColumn(number, Problem(row, _unread(first, markers, scale, not_rated)))
    verdict = judge(_counts(source, number), scale, not_rated, scale_is_fixed)
    if verdict.note is not None:
        notes.append(verdict.note)
    if verdict.problem is None:
        return RatingColumn(f"{text}::DOUBLE", None)
    culprits = ", ".join(quoted(repr(value)) for value in verdict.culprits)
    row, first = source.database.execute(
        f"SELECT first, rating FROM texts WHERE {number} IN (SELECT unnest([{culprits}])::DOUBLE) "
        "ORDER BY first LIMIT 1"
    ).fetchall()[0]
    return RatingColumn(number, Problem(row, f"the rating {shown(first)} {verdict.problem}"))


def _group(source: Source) -> None:
    """Create the table `texts`: each text of the column, the number of its rows, and the first of them."""
    source.database.execute(
        "CREATE OR REPLACE TABLE texts AS "
        "SELECT rating, count(*) AS many, min(rowid) AS first FROM entries GROUP BY rating"
    )


def _counts(source: Source, number: str) -> Mapping[float, int]:
    """Count the rows of each rating; if there are too many, of the lowest in each of 100,000 ranges."""
    lowest, highest, different = source.database.execute(
        f"SELECT min({number}), max({number}), count(*) FROM texts"
    ).fetchall()[0]
    group = "n"
    if different > _MOST_RATINGS:
        group = f"floor((n - {lowest!r}) * ({_MOST_RATINGS} / {highest - lowest!r}))"
    counted = f"SELECT min(n), sum(many) FROM (SELECT {number} AS n, many FROM texts) GROUP BY {group}"
    return {float(value): int(rows) for value, rows in source.database.execute(counted).fetchall()}


def _has_decimal_commas(source: Source) -> bool:
    """Return whether the column has decimal commas and no decimal point, and commas are not the delimiter."""
    if source.layout.kind not in ("delimited", "blanks") or source.layout.delimiter == ",":
        return False
    return bool(
        source.count(
            "SELECT coalesce(bool_or(regexp_full_match(rating, '[-+]?[0-9]+,[0-9]+')) "
            "AND NOT bool_or(contains(rating, '.')), false)::INT FROM texts"
        )
    )


def _leave_out(source: Source, number: str, not_rated: NotRated) -> str:
    """Delete the rows whose rating is one of these numbers or texts; return a note about it."""
    numbers = [one for one in not_rated if isinstance(one, float)]
    texts = [quoted(one) for one in not_rated if isinstance(one, str)]
    listed = ", ".join(quoted(repr(one)) for one in numbers)
    marked = (
        f"coalesce(rating, '') IN (SELECT unnest([{', '.join(texts)}]::VARCHAR[])) OR "
        f"coalesce({number} IN (SELECT unnest([{listed}]::VARCHAR[])::DOUBLE), false)"
    )
    before = source.count("SELECT count(*) FROM entries")
    source.database.execute(f"CREATE TABLE rated AS SELECT rowid AS row, * FROM entries WHERE NOT ({marked})")
    left_out = before - source.count("SELECT count(*) FROM rated")
    if not left_out:
        source.database.execute("DROP TABLE rated")
        said = ", ".join(written(one) if isinstance(one, float) else one for one in not_rated)
        return f"no row has a rating that was said to mean 'not rated' ({said})"
    source.database.execute("DROP TABLE entries")
    source.database.execute("ALTER TABLE rated RENAME TO entries")
    source.numbered = True
    if left_out == before:
        raise DataError(source.path, "no rating is left: all of them were said to mean 'not rated'")
    return f"left out {left_out:,} rows whose rating means 'not rated'"


def _unread(text: str, markers: list[str], scale: tuple[float, float], not_rated: NotRated | None) -> str:
    """Return why a text is not a rating, and what to do."""
    plain = f"a number from {scale[0]:g} to {scale[1]:g}"
    if has_decimal_comma(text):
        return (
            f"the rating {shown(text)} has a decimal comma; write {shown(text.replace(',', '.'))} "
            "throughout, or a semicolon between the columns and a comma in every rating"
        )
    if not text.strip():
        problem = f"the rating is missing; every rating needs {plain}"
    else:
        problem = f"the rating {shown(text)} is not {plain}"
    if text not in markers:
        return problem
    means = "it means" if len(markers) == 1 else "they mean"
    return (
        f"{problem}; where {means} 'not rated', leave such rows out: {not_rated_option(markers, not_rated)}"
    )
