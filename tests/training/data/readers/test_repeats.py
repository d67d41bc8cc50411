"""A user who rates a movie more than once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.helpers import rated, write
from training.data.duplicates import Repeats, has_repeats, merged
from training.data.readers.ratings import load_ratings
from training.errors import DataError

ROWS = ["b,x,1,30", "a,x,2,10", "a,x,4,5", "c,y,5,1", "b,x,5,20"]


def content(rows: list[str], *, times: bool) -> str:
    fields = 4 if times else 3
    header = ["user", "movie", "rating", "time"][:fields]
    return "".join(",".join(row) + "\n" for row in [header, *(row.split(",")[:fields] for row in rows)])


@pytest.mark.parametrize(
    ("how", "times", "expected"),
    [
        ("first", False, [("b", "x", 1), ("a", "x", 2), ("c", "y", 5)]),
        ("last", False, [("a", "x", 4), ("c", "y", 5), ("b", "x", 5)]),
        ("mean", False, [("a", "x", 3), ("c", "y", 5), ("b", "x", 3)]),
        # By time, where there are times.
        ("first", True, [("a", "x", 4), ("c", "y", 5), ("b", "x", 5)]),
        ("last", True, [("b", "x", 1), ("a", "x", 2), ("c", "y", 5)]),
        ("mean", True, [("b", "x", 3), ("a", "x", 3), ("c", "y", 5)]),
    ],
)
def test_one_rating_of_each_pair_counts(
    tmp_path: Path, how: Repeats, times: bool, expected: list[tuple[str, str, float]]
) -> None:
    table = load_ratings(write(tmp_path, "r.csv", content(ROWS, times=times)), repeats=how)
    assert rated(table) == expected
    assert list(table.users) == [user for user, _, _ in expected]  # by first appearance among what is left
    assert table.notes == (f"merged 2 repeated ratings: of each pair the {how} counts",)


def test_without_repeats_the_option_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "r.csv", content(ROWS[:2], times=True))
    want, got = load_ratings(path), load_ratings(path, repeats="last")
    assert rated(got) == rated(want)
    assert got.notes == ()


def test_a_refusal_says_how_many_and_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path, "r.csv", content(ROWS, times=False))
    with pytest.raises(
        DataError, match=r"2 pairs are repeated: say which .* --repeats last, first or mean"
    ) as caught:
        load_ratings(path)
    assert caught.value.line == 4


@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=60),
    how=st.sampled_from(["first", "last"]),
    timed=st.booleans(),
)
def test_merging_keeps_the_first_or_last_row_of_each_pair(
    rows: list[tuple[int, int]], how: Literal["first", "last"], timed: bool
) -> None:
    pairs = np.array([pair for pair, _ in rows])
    times = np.array([time for _, time in rows])
    ratings = np.arange(len(rows), dtype=np.float32)
    kept, values = merged(pairs, ratings, times if timed else None, how)
    # Sorting is stable: rows of equal times stay in their order.
    order = sorted(range(len(rows)), key=lambda row: times[row]) if timed else range(len(rows))
    counting = {pairs[row]: row for row in (order if how == "last" else reversed(order))}
    assert kept.tolist() == sorted(counting.values())
    assert np.array_equal(values, ratings[kept])


@pytest.mark.parametrize("step", [1, 1_000_000])
def test_repeats_are_found_among_few_and_many_possible_pairs(step: int) -> None:
    users = np.array([0, 1, 0, 1], dtype=np.int32) * step
    movies = np.array([0, 0, 1, 1], dtype=np.int32) * step
    assert not has_repeats(users, movies, step + 1, step + 1, sorted_rows=1)
    movies[3] = 0
    assert has_repeats(users, movies, step + 1, step + 1)
    assert has_repeats(users, movies, step + 1, step + 1, sorted_rows=1)
