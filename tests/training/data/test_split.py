from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.helpers import shared, table_of
from training.data.readers.ratings import load_ratings
from training.data.split import Split, split_ratings, write_split
from training.errors import SplitError

PUBLISHED = "a5dca28fb640d27cec81be0adbc0677d08b9a2a219770d29e37301bd291a1f0f"


def parts(split: Split) -> tuple[list[int], list[int], list[int]]:
    return split.train.tolist(), split.validation.tolist(), split.test.tolist()


def test_published_split_of_ml_1m_is_reproduced(tmp_path: Path) -> None:
    table = load_ratings(shared("ml-1m"))
    split = split_ratings(table, "random")
    assert (split.train.size, split.validation.size, split.test.size) == (849_983, 0, 150_226)
    assert split.test_sha256 == PUBLISHED
    assert split_ratings(table, "random", validation_fraction=0.1).test_sha256 == PUBLISHED
    assert split_ratings(table, "random", seed=1).test_sha256 != PUBLISHED
    write_split(split, tmp_path)
    assert hashlib.sha256((tmp_path / "test_rows.i64").read_bytes()).hexdigest() == PUBLISHED


def test_random_split_uses_the_published_random_stream() -> None:
    # RandomState(0) starts .549 .715 .603 .545 .424 .646 .438 .892 .964 .383; two are above .85.
    table = table_of(list(range(10)), list(range(10)))
    assert parts(split_ratings(table, "random")) == ([0, 1, 2, 3, 4, 5, 6, 9], [], [7, 8])


def test_validation_rows_use_a_separate_random_stream() -> None:
    # Validation rows are independent of the test rows of the next seed.
    table = table_of(list(range(2000)), [1] * 2000)
    validation = split_ratings(table, "random", 0, 0.15).validation
    test = split_ratings(table, "random", 1).test
    assert 0.08 < np.isin(validation, test).mean() < 0.22
    assert 0.12 < validation.size / 1700 < 0.18


def test_time_split_takes_the_last_15_percent_with_ties_by_row() -> None:
    times = [50, 10, 90, 90, 20, 30, 90, 40, 60, 70, 80, 90, 1, 2, 3, 4, 5, 6, 7, 8]
    table = table_of(list(range(20)), [1] * 20, times)
    train, validation, test = parts(split_ratings(table, "time", validation_fraction=0.2))
    assert test == [3, 6, 11]  # of the four at 90, the last three rows
    assert validation == [2, 9, 10]  # 3.4 of 17, rounded: the last in time of the rest
    assert train == [0, 1, 4, 5, 7, 8, 12, 13, 14, 15, 16, 17, 18, 19]


def test_new_movies_split_holds_out_all_ratings_of_some_movies() -> None:
    # The movies 7 and 8 are drawn, as the rows 7 and 8 above.
    table = table_of([1, 2] * 10, [movie for movie in range(10) for _ in range(2)])
    train, validation, test = parts(split_ratings(table, "new-movies"))
    assert (train, validation, test) == ([*range(14), 18, 19], [], [14, 15, 16, 17])
    split = split_ratings(table, "new-movies", validation_fraction=0.3)
    held_out = table.movie_index[split.validation]
    assert split.test.tolist() == test and np.bincount(held_out).max() == 2
    assert not np.isin(held_out, table.movie_index[split.train]).any()


def test_leave_last_takes_each_users_last_rating_but_no_single_ratings() -> None:
    #        row  0  1  2  3  4  5  6  7
    users = [1, 2, 1, 3, 1, 3, 4, 4]
    times = [9, 5, 3, 7, 9, 6, 8, 8]
    table = table_of(users, list(range(8)), times)
    assert parts(split_ratings(table, "leave-last")) == ([0, 1, 2, 5, 6], [], [3, 4, 7])
    # Only user 1 has a third rating to learn from.
    assert parts(split_ratings(table, "leave-last", validation_fraction=0.01)) == (
        [1, 2, 5, 6],
        [0],
        [3, 4, 7],
    )


@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), min_size=1, max_size=60),
    kind=st.sampled_from(["random", "time", "leave-last"]),
    seed=st.integers(0, 2**32 - 1),
    fraction=st.floats(0, 1, exclude_max=True),
)
def test_split_is_a_partition_whose_test_rows_do_not_depend_on_validation(
    rows: list[tuple[int, int]], kind: Any, seed: int, fraction: float
) -> None:
    table = table_of([user for user, _ in rows], list(range(len(rows))), [time for _, time in rows])
    try:
        plain = split_ratings(table, kind, seed)
        split = split_ratings(table, kind, seed, fraction)
    except SplitError:
        return
    assert np.array_equal(np.sort(np.concatenate(parts(split))), np.arange(len(rows)))
    assert all(np.all(np.diff(part) > 0) for part in parts(split))
    assert all(part.dtype == np.int64 for part in (split.train, split.validation, split.test))
    assert np.array_equal(plain.test, split.test)
    assert np.isin(split.validation, plain.train).all()
    assert parts(split) == parts(split_ratings(table, kind, seed, fraction))
    if kind == "time":
        latest_known = max(table.timestamps[np.concatenate([split.train, split.validation])])  # type: ignore[index]
        assert latest_known <= min(table.timestamps[split.test])  # type: ignore[index]


@pytest.mark.parametrize("kind", ["time", "leave-last"])
@pytest.mark.parametrize(("times", "message"), [(None, "has no times"), ([7] * 20, "the same time")])
def test_split_by_time_without_times_is_rejected(kind: Any, times: list[int] | None, message: str) -> None:
    with pytest.raises(SplitError, match=message):
        split_ratings(table_of(list(range(20)), [1] * 20, times), kind)


@pytest.mark.parametrize(
    ("kind", "users", "fraction"),
    [
        ("random", [1], 0.0),
        ("random", [1, 2, 3], 0.0),
        ("random", list(range(10)), 1e-9),
        ("time", [1, 2, 3], 0.0),
        ("time", list(range(8)), 0.05),
        ("time", list(range(8)), 0.99),
        ("leave-last", [1, 2, 3], 0.0),
        ("leave-last", [1, 1, 2], 0.5),
    ],
)
def test_table_too_small_for_its_parts_is_rejected(kind: Any, users: list[int], fraction: float) -> None:
    table = table_of(users, list(range(len(users))), list(range(len(users))))
    with pytest.raises(SplitError, match="too few"):
        split_ratings(table, kind, 0, fraction)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "randomly"},
        {"kind": "random", "seed": -1},
        {"kind": "random", "seed": 2**32},
        {"kind": "random", "seed": 1.5},
        {"kind": "random", "seed": True},
        {"kind": "random", "validation_fraction": 1.0},
        {"kind": "random", "validation_fraction": -0.1},
        {"kind": "random", "validation_fraction": math.nan},
    ],
)
def test_illegal_arguments_are_rejected(arguments: dict[str, Any]) -> None:
    with pytest.raises(SplitError):
        split_ratings(table_of(list(range(50)), [1] * 50), **arguments)


def test_written_split_can_be_read_back_and_records_its_digests(tmp_path: Path) -> None:
    table = table_of(list(range(200)), [1] * 200)
    split = split_ratings(table, "random", 3, 0.1)
    for _ in range(2):  # a second time, over the first
        summary = write_split(split, tmp_path / "out" / "split")
    about = json.loads(summary.read_text())
    assert (about["format"], about["kind"], about["seed"]) == (1, "random", 3)
    for name, rows in (("train", split.train), ("validation", split.validation), ("test", split.test)):
        path = summary.parent / about["parts"][name]["file"]
        assert np.fromfile(path, dtype="<i8").tolist() == rows.tolist()
        assert about["parts"][name]["rows"] == rows.size
        assert about["parts"][name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert about["parts"]["test"]["sha256"] == split.test_sha256
    assert sorted(path.name for path in summary.parent.iterdir()) == [
        "split.json",
        "test_rows.i64",
        "train_rows.i64",
        "validation_rows.i64",
    ]


def test_unwritable_split_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    split = split_ratings(table_of(list(range(50)), [1] * 50), "random")
    with pytest.raises(SplitError, match="cannot be written"):
        write_split(split, tmp_path / "taken")
