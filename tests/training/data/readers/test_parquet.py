from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.data.helpers import BUNDLED, rated, write
from training.data.readers.ratings import ColumnNames, load_ratings
from training.errors import DataError

SECOND = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
TEXT_ONCE = pa.array(["5", "7"]).dictionary_encode()


def save(folder: Path, **columns: Any) -> Path:
    path = folder / "r.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    "users", [pa.array([5, 7], pa.int16()), ["5", "7"], pa.array(["5", "7"], pa.large_string()), TEXT_ONCE]
)
@pytest.mark.parametrize(
    "ratings",
    [
        [4, 3],
        pa.array([4, 3], pa.float32()),
        ["4", "3.0"],
        [decimal.Decimal("4.0"), decimal.Decimal("3.0")],
        pa.array([4, 3], pa.uint8()),
    ],
)
def test_numbers_and_text_are_the_same_ids_and_ratings(tmp_path: Path, users: Any, ratings: Any) -> None:
    table = load_ratings(save(tmp_path, user_id=users, film=["a", "b"], score=ratings, other=[1.5, None]))
    assert rated(table) == [("user_5", "a", 4.0), ("user_7", "b", 3.0)]
    assert (table.layout, table.name, table.timestamps) == ("parquet", "r", None)


@pytest.mark.parametrize(
    "times",
    [
        [978307200, 978307201],
        pa.array([SECOND, SECOND + dt.timedelta(seconds=1)], pa.timestamp("us", tz="UTC")),
        pa.array([978307200_000, 978307201_999], pa.timestamp("ms")),
    ],
)
def test_times_are_seconds(tmp_path: Path, times: Any) -> None:
    table = load_ratings(save(tmp_path, user=[1, 1], movie=[1, 2], rating=[1, 2], timestamp=times))
    assert table.timestamps is not None
    assert table.timestamps.tolist() == [978307200, 978307201]


def test_the_bundled_ratings_are_the_same_from_parquet(tmp_path: Path) -> None:
    want = load_ratings(BUNDLED)
    ids = [[int(name.split("_")[1]) for name in side] for side in (want.users, want.movies)]
    path = save(
        tmp_path,
        u=np.array(ids[0])[want.user_index],
        m=np.array(ids[1])[want.movie_index],
        r=want.ratings,
        t=want.timestamps,
    )
    got = load_ratings(path, columns=ColumnNames("u", "m", "r", "t"))
    assert list(got.users) == list(want.users)
    assert list(got.movies) == list(want.movies)
    assert want.timestamps is not None
    assert got.timestamps is not None
    for name in ("user_index", "movie_index", "ratings", "timestamps"):
        assert np.array_equal(getattr(got, name), getattr(want, name))


def test_a_parquet_file_is_known_by_its_content_and_in_a_folder(tmp_path: Path) -> None:
    save(tmp_path, user=[1], movie=[1], rating=[1])
    assert load_ratings(tmp_path).layout == "parquet"
    (tmp_path / "r.parquet").rename(tmp_path / "data.bin")
    assert load_ratings(tmp_path / "data.bin").layout == "parquet"


GOOD: dict[str, Any] = {"user": [1, 2, 3], "movie": [1, 2, 3], "rating": [1.0, 2.0, 3.0]}


@pytest.mark.parametrize(
    ("change", "row", "message"),
    [
        ({"user": [1, None, 3]}, 2, "user id is empty"),
        ({"movie": [None, 2, 3]}, 1, "movie id is empty"),
        ({"rating": [1.0, 2.0, None]}, 3, "rating is missing"),
        ({"rating": [1.0, float("nan"), 3.0]}, 2, "'nan' is not a number"),
        ({"rating": [1.0, float("inf"), 3.0]}, 2, "not a number"),
        ({"rating": [1, 6, 10]}, 2, "say --scale 1:10"),
        ({"rating": [1.0, -1.0, 3.0]}, 2, "off the scale"),
        ({"rating": ["1", "2", "3,5"]}, 3, "decimal comma"),
        ({"rating": [True, True, False]}, None, "ratings are BOOLEAN"),
        ({"user": ["a", "", "c"]}, 2, "user id is empty"),
        ({"movie": ["a", "b", "c\n"]}, 3, "blanks around it"),
        ({"user": [1.0, 2.0, 3.0]}, None, "user ids are DOUBLE"),
        ({"user": [1, 1, 1], "movie": [5, 6, 5]}, 3, "first on line 1"),
        (
            {"user": pa.array([], pa.int64()), "movie": pa.array([], pa.int64()), "rating": []},
            None,
            "no row",
        ),
        ({"customer": [1, 2, 3]}, 1, "both be the user"),
    ],
)
def test_bad_parquet_is_refused_with_its_row(
    tmp_path: Path, change: dict[str, Any], row: int | None, message: str
) -> None:
    path = save(tmp_path, **{**GOOD, **change})
    with pytest.raises(DataError) as caught:
        load_ratings(path)
    assert message in str(caught.value)
    assert caught.value.line == row


def test_parquet_without_the_columns_lists_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has the columns 'who, what'"):
        load_ratings(save(tmp_path, who=[1], what=[2]))


def test_a_damaged_parquet_file_is_one_line(tmp_path: Path) -> None:
    whole = save(tmp_path, **GOOD).read_bytes()
    for content in (b"", b"PAR1", whole[: len(whole) // 2], b"user,movie,rating\n1,1,1\n"):
        with pytest.raises(DataError) as caught:
            load_ratings(write(tmp_path, "cut.parquet", content))
        assert len(str(caught.value).splitlines()) == 1


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    broken = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
    for role in ("user", "rating"):
        with pytest.raises(DataError, match="Invalid string encoding"):
            load_ratings(save(tmp_path, **{**GOOD, role: broken}))


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, **GOOD, other=[1, 2, 3])
    path.write_bytes(path.read_bytes().replace(b"other", b"o\xffher"))
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load_ratings(path)


def test_a_negative_number_is_an_id_verbatim(tmp_path: Path) -> None:
    table = load_ratings(save(tmp_path, **{**GOOD, "user": [3, -1, 2]}))
    assert list(table.users) == ["3", "-1", "2"]
