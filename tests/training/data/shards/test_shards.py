from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.training.data.helpers import BUNDLED, table_of
from training.artefact.rating_scale import RatingScale
from training.data.dataset import make_dataset
from training.data.readers.ratings import load_ratings
from training.data.shards.shards import Shards


def test_both_sides_hold_every_training_rating_once() -> None:
    dataset = make_dataset(load_ratings(BUNDLED), validation_fraction=0.1)
    shards, train = Shards.of(dataset), dataset.train
    expected = sorted(
        zip(train.user_index.tolist(), train.movie_index.tolist(), train.ratings.tolist(), strict=True)
    )
    index = np.repeat(np.arange(shards.users.ids), shards.users.counts)
    ratings = shards.scale.from_steps(shards.users.stars)
    by_user = zip(index.tolist(), shards.users.others.tolist(), ratings.tolist(), strict=True)
    assert list(by_user) == expected
    index = np.repeat(np.arange(shards.movies.ids), shards.movies.counts)
    ratings = shards.scale.from_steps(shards.movies.stars)
    by_movie = list(zip(shards.movies.others.tolist(), index.tolist(), ratings.tolist(), strict=True))
    assert by_movie == sorted(by_movie, key=lambda row: (row[1], row[0]))
    assert sorted(by_movie) == expected
    assert (shards.users.counts == dataset.user_popularity).all()
    assert (shards.movies.counts == dataset.movie_popularity).all()
    assert shards.users.stars.dtype == np.uint8
    assert len(shards) == len(train)
    assert shards.mean == np.mean(train.ratings, dtype=np.float64)
    assert shards.test is dataset.test


def test_a_block_holds_the_ratings_of_its_ids_without_a_copy() -> None:
    side = Shards.of(make_dataset(load_ratings(BUNDLED))).users
    block = side.block(10, 20)
    rows = slice(side.starts[10], side.starts[20])
    assert (block.ids, block.starts[0]) == (10, 0)
    assert (block.counts == side.counts[10:20]).all()
    assert (block.others == side.others[rows]).all()
    assert np.shares_memory(block.stars, side.stars)


def test_ratings_that_fit_no_grid_are_kept_as_float32() -> None:
    table = table_of([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], [1, 2] * 5)
    table = replace(
        table, ratings=np.linspace(0, 5, 10).astype(np.float32), scale=RatingScale(0.0, 5.0, None)
    )
    dataset = make_dataset(table)
    shards = Shards.of(dataset)
    assert shards.users.stars.dtype == np.float32
    assert sorted(shards.users.stars.tolist()) == sorted(dataset.train.ratings.tolist())


def arrays(shards: Shards) -> list[NDArray[Any]]:
    sides = [shards.users, shards.movies, shards.validation, shards.test]
    return [array for side in sides for array in vars(side).values()]


@given(
    pairs=st.sets(st.tuples(st.integers(0, 20), st.integers(0, 9)), min_size=20, max_size=100),
    continuous=st.booleans(),
)
@settings(max_examples=20)
def test_the_engine_groups_ratings_as_memory_does(pairs: set[tuple[int, int]], continuous: bool) -> None:
    users, movies = zip(*pairs, strict=True)
    table = table_of(list(users), list(movies))
    if continuous:
        ratings = np.random.default_rng(0).uniform(0, 5, table.rows).astype(np.float32)
        table = replace(table, ratings=ratings, scale=RatingScale(0.0, 5.0, None))
    dataset = make_dataset(table, validation_fraction=0.2)
    memory, engine = Shards.of(dataset), Shards.of(dataset, memory_rows=0)
    for wanted, found in zip(arrays(memory), arrays(engine), strict=True):
        assert (found.dtype, found.tolist()) == (wanted.dtype, wanted.tolist())
    assert memory.mean == engine.mean
