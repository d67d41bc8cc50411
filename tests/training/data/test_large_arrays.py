from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from tests.training.data.helpers import BUNDLED, shared, table_of
from training.data.large_arrays import blocks, count_ids, empty, id_ranges, release
from training.data.readers.ratings import load_ratings
from training.data.split import split_ratings
from training.data.table import RatingsTable


@pytest.mark.parametrize("large_bytes", [1, 10**9])
def test_array_keeps_its_values_after_a_release(large_bytes: int) -> None:
    array = empty(10_000, np.float32, large_bytes)
    assert array.size == 10_000 and array.dtype == np.float32
    array[:] = np.arange(10_000)
    release(array, array[5:])
    assert array.tolist() == list(range(10_000))


def test_array_of_no_rows_is_empty() -> None:
    assert empty(0, np.int32, large_bytes=0).size == 0


def test_blocks_cover_each_row_once() -> None:
    assert [row for rows in blocks(10, 3) for row in range(10)[rows]] == list(range(10))
    assert list(blocks(0)) == []


def test_id_ranges_cover_each_id_once_within_the_limit() -> None:
    counts = count_ids(np.array([0, 0, 0, 3, 3, 4, 5, 5, 5, 5, 5, 5]), 8)
    assert counts.tolist() == [3, 0, 0, 2, 1, 6, 0, 0]
    assert list(id_ranges(counts, 4)) == [(0, 3), (3, 5), (5, 6), (6, 8)]


def _table(name: str) -> RatingsTable:
    if name == "ml-latest-small":
        return load_ratings(BUNDLED)
    if name == "ml-100k":
        return load_ratings(shared(name))
    # More rows than a block has.
    rows = 2**22 + 1_000
    column = np.zeros(rows, dtype=np.int32)
    ratings = column.astype(np.float32)
    return replace(table_of([1], [1]), user_index=column, movie_index=column, ratings=ratings)


@pytest.mark.parametrize("name", ["ml-latest-small", "ml-100k", "more than a block"])
@pytest.mark.parametrize(("seed", "fraction"), [(0, 0.0), (7, 0.1), (2**32 - 1, 0.5)])
def test_random_split_is_one_long_draw(name: str, seed: int, fraction: float) -> None:
    table = _table(name)
    split = split_ratings(table, "random", seed, fraction)
    test = ~(np.random.RandomState(seed).rand(table.rows) <= 0.85)
    drawn = (np.random.RandomState([seed, 1]).rand(table.rows) < fraction) & ~test
    assert split.test_sha256 == hashlib.sha256(np.flatnonzero(test).astype("<i8").tobytes()).hexdigest()
    assert np.array_equal(split.validation, np.flatnonzero(drawn))
    assert np.array_equal(split.train, np.flatnonzero(~test & ~drawn))
