"""Read a column of times: numbers of seconds or parts of them since 1970, dates, or ISO 8601.

A column is read completely or not at all, because a split by time needs the order of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from training.data.files.sources import Source
from training.data.files.values import shown

# The last second of the year 9999.
_LATEST: Final = 253_402_300_799
# Minimum for the finer units: a smaller number would be a time before March 1973, so it has another unit.
_SMALLEST: Final = 100_000_000_000
_UNITS: Final = (1, 1_000, 1_000_000, 1_000_000_000)
# Seconds since 1970 of a text that is not a number, and of `20200131`; else NULL.
_MOMENT: Final = "TRY_CAST(floor(epoch(TRY_CAST(time_text AS TIMESTAMPTZ))) AS BIGINT)"
_DAY: Final = "epoch(try_strptime(TRY_CAST(time_number AS BIGINT)::VARCHAR, '%Y%m%d'))::BIGINT"


@dataclass(frozen=True)
class Times:
    """How to read the times of a table.

    Attributes:
        sql: A BIGINT, seconds since 1970; None if there are no times, all are 0, or one cannot be read.
        problem: What cannot be read, or None.
    """

    sql: str | None = None
    problem: str | None = None


def read_times(source: Source) -> Times:
    """Determine the format of the times of the table."""
    if "timestamp" not in source.layout.positions:
        return Times()
    # Infinity and NaN, which the engine sorts above all numbers, do not indicate a unit.
    rows, numbers, lowest, highest = source.database.execute(
        "SELECT count(*), count(*) FILTER (time_number BETWEEN 0 AND 1e300), "
        "min(time_number) FILTER (time_number > 0), max(time_number) FILTER (time_number < 2 ** 63) "
        "FROM entries"
    ).fetchall()[0]
    if numbers == rows:
        if lowest is None:
            # In some copies of MovieLens, all times are 0.
            return Times()
        if lowest >= 19_000_101 and highest <= 21_001_231 and not _unread(source, _DAY):
            # As seconds, they would be days of August 1970.
            return Times(_DAY)
    moments = 0 if numbers == rows else rows - _unread(source, _MOMENT)
    if moments > numbers:
        return _times(source, _MOMENT)
    unit = next((unit for unit in _UNITS if (highest or 0) <= _LATEST * unit), _UNITS[-1])
    smallest = 0 if unit == 1 else _SMALLEST
    largest = min(_LATEST * unit, 2**63)
    legal = f"time_number = 0 OR time_number BETWEEN {smallest} AND {largest}"
    return _times(source, f"CASE WHEN {legal} THEN floor(time_number / {unit})::BIGINT END")


def _times(source: Source, seconds: str) -> Times:
    """Return the times if all can be read, else the problem."""
    unread = _unread(source, seconds)
    if not unread:
        return Times(seconds)
    text = "coalesce(time_text, regexp_replace(time_number::VARCHAR, '[.]0$', ''), '')"
    row, example = source.database.execute(
        f"SELECT rowid, {text} FROM entries WHERE ({seconds}) IS NULL ORDER BY rowid LIMIT 1"
    ).fetchall()[0]
    counted = "1 of its times" if unread == 1 else f"{unread:,} of its times"
    return Times(problem=f"{counted} cannot be read, the first on {source.place(row)}: {shown(example)}")


def _unread(source: Source, seconds: str) -> int:
    return source.count(f"SELECT count(*) FROM entries WHERE ({seconds}) IS NULL")
