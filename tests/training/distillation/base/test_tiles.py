from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import tiny_dataset
from training.distillation.base.observed import Observed
from training.distillation.base.tiles import make_tiles

OBSERVED = Observed.of(tiny_dataset())
PAIRS = OBSERVED.users * OBSERVED.movies


def test_tiles_contain_every_pair_once() -> None:
    seen = np.zeros((OBSERVED.users, OBSERVED.movies))
    start = 0
    for tile in make_tiles(OBSERVED, 7, seed=0):
        seen[tile.users, tile.movies] += tile.scale
        assert seen[tile.users, tile.movies].shape == tile.shape
        assert tile.start == start
        start += tile.shape[0] * tile.shape[1]
    assert (seen == 1).all()


def test_a_sample_represents_every_pair_and_keeps_the_movies_that_are_rated_often() -> None:
    tiles = make_tiles(OBSERVED, 3, seed=0, most_pairs=PAIRS // 2, least_movies=1)
    assert sum(tile.shape[0] * tile.shape[1] for tile in tiles) == pytest.approx(PAIRS / 2, rel=0.2)
    represented, tiles_of_movie = np.zeros(OBSERVED.movies), np.zeros(OBSERVED.movies, dtype=int)
    for tile in tiles:
        represented[tile.movies] += tile.scale
        tiles_of_movie[tile.movies] += 1
    np.testing.assert_allclose(represented, len(tiles), rtol=1e-6)
    assert tiles_of_movie.min() >= 4
    order = np.argsort(OBSERVED.movie_counts, kind="stable")
    assert (np.diff(tiles_of_movie[order]) >= 0).all()
    assert tiles_of_movie[order[-1]] > tiles_of_movie[order[0]]
    users = np.concatenate([np.arange(OBSERVED.users)[tile.users] for tile in tiles])
    assert sorted(users.tolist()) == list(range(OBSERVED.users))


def test_a_sample_is_reproducible_with_the_same_seed() -> None:
    def movies(seed: int) -> list[list[int]]:
        tiles = make_tiles(OBSERVED, 3, seed=seed, most_pairs=PAIRS // 2, least_movies=1)
        return [np.arange(OBSERVED.movies)[tile.movies].tolist() for tile in tiles]

    assert movies(0) == movies(0) != movies(1)


def test_a_sample_has_a_least_number_of_movies_for_every_user() -> None:
    tiles = make_tiles(OBSERVED, 3, seed=0, most_pairs=1, least_movies=20)
    assert sum(tile.shape[1] for tile in tiles) / len(tiles) == pytest.approx(20, rel=0.2)


def test_the_sample_is_independent_of_how_many_movies_are_drawn_at_a_time() -> None:
    movies, count = 9_000, 5
    counts = np.arange(movies, 0, -1).astype(np.float32)
    observed = replace(OBSERVED, users=15, movies=movies, movie_counts=counts)
    tiles = make_tiles(observed, 3, seed=3, most_pairs=15 * 3_000, least_movies=1)
    random = np.random.default_rng([3, 5]).random((movies, count))
    ranks = np.argsort(np.argsort(random, axis=1), axis=1)
    tiles_of_movie = np.bincount(np.concatenate([np.arange(movies)[tile.movies] for tile in tiles]))
    for number, tile in enumerate(tiles):
        expected = np.flatnonzero(ranks[:, number] < tiles_of_movie)
        assert np.array_equal(np.arange(movies)[tile.movies], expected)
