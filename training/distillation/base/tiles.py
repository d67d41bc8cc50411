"""Tiles: parts of all pairs of users and movies, whose predictions are in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.observed import Floats, Observed

MOST_PAIRS: Final = 40_000_000
"""Of more pairs than this, a sample is used."""

_LEAST_TILES: Final = 4
# Movies whose tiles are drawn at a time.
_MOVIES_AT_A_TIME: Final = 4_096


@dataclass(frozen=True)
class Tile:
    """The pairs of some users with some movies.

    Attributes:
        users: The users of the tile; every user is in exactly one tile.
        movies: All movies, or the `(n,)` ascending indices of those that were sampled.
        scale: `(n,)` or `()` float32: the number of pairs that each pair of a movie represents.
        shape: Number of users and of movies.
        start: Number of pairs in the tiles before this one.
    """

    users: slice
    movies: slice | NDArray[np.int64]
    scale: Floats
    shape: tuple[int, int]
    start: int


class Predictions(Protocol):
    """A teacher of students: it predicts the pairs of a tile."""

    def tile(self, tile: Tile) -> Floats:
        """Return the `(users of the tile, movies of the tile)` stars."""
        ...  # pragma: no cover


def make_tiles(
    observed: Observed,
    tile_users: int,
    *,
    seed: int,
    most_pairs: int = MOST_PAIRS,
    least_movies: int = 250,
) -> list[Tile]:
    """Divide all pairs into tiles, or a sample of the pairs if there are too many.

    In a sample, every tile has all movies that are rated often and some of the others. The probability that a
    movie is in a tile is proportional to its number of ratings, but it is at least in a few tiles, so that
    every movie has more pairs than a student has factors. The users of a tile are spread over all users, from
    active to inactive ones (an index is a rank by number of ratings), because a rare movie meets the users of
    few tiles.

    Args:
        observed: Number of users and movies, and number of ratings of each movie.
        tile_users: Number of users of a tile.
        seed: Seed of the sample.
        most_pairs: Number of pairs above which a sample of about this many is used.
        least_movies: Mean number of movies of each user in a sample, even if that is more than `most_pairs`.
    """
    users, movies = observed.users, observed.movies
    count = -(-users // tile_users)
    most_movies = max(most_pairs // users, least_movies)
    if movies <= most_movies:
        members: Sequence[NDArray[np.int64] | None] = [None] * count
        scale = np.ones((), dtype=np.float32)
    else:
        tiles_of_movie = _tiles_of_movies(observed.movie_counts + 1, count, most_movies)
        scale = (count / tiles_of_movie).astype(np.float32)
        members = _movies_of_tiles(tiles_of_movie, count, np.random.default_rng([seed, 5]))
    tiles, start = [], 0
    for tile, own in enumerate(members):
        if own is None:
            rows = slice(tile * tile_users, min((tile + 1) * tile_users, users))
            shape = rows.stop - rows.start, movies
            tiles.append(Tile(rows, slice(0, movies), scale, shape, start))
        else:
            rows = slice(tile, users, count)
            shape = len(range(tile, users, count)), own.size
            tiles.append(Tile(rows, own, scale[own], shape, start))
        start += shape[0] * shape[1]
    return tiles


def is_sample(tiles: Sequence[Tile]) -> bool:
    """Return whether tiles are a sample of the pairs."""
    return tiles[0].scale.ndim > 0


def _movies_of_tiles(
    tiles_of_movie: NDArray[np.int64], count: int, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Draw the movies of each tile. The memory grows with the size of the sample, not with movies x tiles."""

    def drawn() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        for first in range(0, tiles_of_movie.size, _MOVIES_AT_A_TIME):
            wanted = tiles_of_movie[first : first + _MOVIES_AT_A_TIME, None]
            # Each movie is in the tiles where its random numbers are smallest.
            ranks = np.argsort(np.argsort(random.random((len(wanted), count)), axis=1), axis=1)
            movie, tile = np.nonzero(ranks < wanted)
            yield movie + first, tile

    movie, tile = (np.concatenate(part) for part in zip(*drawn(), strict=True))
    order = np.argsort(tile, kind="stable")
    ends = np.searchsorted(tile[order], np.arange(1, count))
    return np.split(movie[order], ends)


def _tiles_of_movies(weights: Floats, count: int, movies_per_tile: int) -> NDArray[np.int64]:
    """Return the number of tiles of each movie, proportional to its weight within the limits.

    The limits are `_LEAST_TILES` and `count`. The sum is about `count * movies_per_tile`.
    """
    low, high = 0.0, count / float(weights.min())
    for _ in range(60):
        middle = (low + high) / 2
        tiles = np.clip(np.ceil(middle * weights), min(_LEAST_TILES, count), count)
        low, high = (middle, high) if tiles.sum() < count * movies_per_tile else (low, middle)
    found: NDArray[np.int64] = tiles.astype(np.int64)
    return found
