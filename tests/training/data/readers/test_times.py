"""Formats of times, and times that cannot be read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.training.data.helpers import write
from training.data.readers.ratings import load_ratings
from training.data.split import split_ratings
from training.data.table import RatingsTable
from training.errors import SplitError

UTC = dt.UTC


def timed(folder: Path, *times: str) -> RatingsTable:
    rows = "".join(f'1,{place},3,"{time}"\n' for place, time in enumerate(times))
    return load_ratings(write(folder, "r.csv", f"user,movie,rating,time\n{rows}"))


def second(*moment: int) -> int:
    return int(dt.datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        (["978300760", "978300761"], [978300760, 978300761]),
        (["0", "5"], [0, 5]),
        (["978300760.0", "978300761.9"], [978300760, 978300761]),
        (["9.7830076e8", "978300761"], [978300760, 978300761]),
        (["978300760123", "978300761999"], [978300760, 978300761]),
        (["978300760123.5", "0"], [978300760, 0]),
        (["978300760123456", "978300761999999"], [978300760, 978300761]),
        (["978300760123456789", "978300761999999000"], [978300760, 978300761]),
        (["2020-01-31", "2020-02-01"], [second(2020, 1, 31), second(2020, 2, 1)]),
        (["20200131", "20200201"], [second(2020, 1, 31), second(2020, 2, 1)]),
        (["2020-01-31 12:30:00", "2020-01-31 12:30"], [second(2020, 1, 31, 12, 30)] * 2),
        (["2020-01-31T12:30:00Z", "2020-01-31T12:30:00.999Z"], [second(2020, 1, 31, 12, 30)] * 2),
        (["2020-01-31T12:30:00+02:00", "2020-01-31T12:30:00-0130"],
         [second(2020, 1, 31, 10, 30), second(2020, 1, 31, 14, 0)]),
        (["1969-12-31T23:59:59Z", "1970-01-01"], [-1, 0]),
        (["253402300799", "1"], [253402300799, 1]),
    ],
)  # fmt: skip
def test_times_are_seconds_since_1970(tmp_path: Path, times: list[str], seconds: list[int]) -> None:
    table = timed(tmp_path, *times)
    assert table.timestamps is not None
    assert table.timestamps.tolist() == seconds
    assert table.timestamps.dtype == "int64"
    assert table.unread_times is None


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (["978300760", "noon", "1"], "1 of its times cannot be read, the first on line 3: 'noon'"),
        (["978300760", "", ""], "2 of its times cannot be read, the first on line 3: ''"),
        (["1", "-5", "3"], "1 of its times cannot be read, the first on line 3: '-5'"),
        (["1", "nan", "inf"], "2 of its times cannot be read, the first on line 3: 'nan'"),
        (["978300760000", "978300761", "978300762000"], "1 of its times cannot be read, the first on line 3"),
        (["2020-01-31", "31/01/2020", "2020-02-30"], "2 of its times cannot be read, the first on line 3"),
        (["2020-01-31", "2020-02-01", "978300760"], "1 of its times cannot be read, the first on line 4"),
        (["05/01/2020", "06/01/2020"], "2 of its times cannot be read, the first on line 2: '05/01/2020'"),
        (["99999999999999999999", "1"], "1 of its times cannot be read, the first on line 2"),
        (["infinity", "2020-01-01", "2020-01-01"], "1 of its times cannot be read, the first on line 2"),
    ],
)
def test_times_that_cannot_be_read_are_left_out_with_a_reason(
    tmp_path: Path, times: list[str], why: str
) -> None:
    table = timed(tmp_path, *times)
    assert table.timestamps is None
    assert table.unread_times is not None
    assert why in table.unread_times


def test_a_split_that_needs_times_says_why_there_are_none(tmp_path: Path) -> None:
    table = timed(tmp_path, *["noon"] * 20)
    assert split_ratings(table, "random").test.size
    with pytest.raises(SplitError, match=r"20 of its times cannot be read, the first on line 2: 'noon', so"):
        split_ratings(table, "time")


def test_times_that_are_all_zero_are_none(tmp_path: Path) -> None:
    table = timed(tmp_path, "0", "0", "0.0")
    assert (table.timestamps, table.unread_times) == (None, None)
