"""A student in float32: factors and biases of both sides, their initial values and their principal axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.observed import Floats, Observed
from training.distillation.base.tiles import Predictions, Tile
from training.factors.solver import Runner, ThreadRunner

MAX_STARS: Final = 5.0
SideName = Literal["users", "movies"]
SIDES: Final[tuple[SideName, SideName]] = ("movies", "users")
"""The sides in the order in which they are fitted."""

# The teacher's ratings are clipped away from the ends of the scale, where logits diverge.
_LOWEST_SHARE_OF_LOWEST: Final = 0.75
_HIGHEST_SHARE: Final = 0.985


@dataclass(frozen=True)
class Factors:
    """rating_ui = 5 * sigmoid(x_u . y_i + b_u + c_i + g).

    Attributes:
        users: `(users, rank + 1)` factors x; the last column is the bias b.
        movies: `(movies, rank + 1)` factors y; the last column is the bias c.
        global_bias: g.
    """

    users: Floats
    movies: Floats
    global_bias: float

    @property
    def rank(self) -> int:
        """Number of factors of a row."""
        return int(self.users.shape[1]) - 1

    def logits(self, tile: Tile) -> Floats:
        """Return the `(users of the tile, movies of the tile)` logits."""
        own, other = self.users[tile.users], self.movies[tile.movies]
        logits: Floats = own[:, :-1] @ other[:, :-1].T
        logits += own[:, -1:]
        logits += other[:, -1] + np.float32(self.global_bias)
        return logits

    def tile(self, tile: Tile) -> Floats:
        """Return the predicted stars of a tile, as a teacher does."""
        return np.float32(MAX_STARS) * sigmoid(self.logits(tile))

    def side(self, side: SideName) -> Floats:
        """Return the `(ids, rank + 1)` values of one side."""
        return self.users if side == "users" else self.movies

    def with_side(self, side: SideName, values: Floats) -> Factors:
        """Return a copy with other values for one side."""
        return replace(self, users=values) if side == "users" else replace(self, movies=values)

    def predict(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> Floats:
        """Return the `(n,)` predicted stars of `(n,)` pairs."""
        own, other = self.users[user_index], self.movies[movie_index]
        logits = np.einsum("nk,nk->n", own[:, :-1], other[:, :-1]) + own[:, -1] + other[:, -1]
        return sigmoid(logits + np.float32(self.global_bias)) * np.float32(MAX_STARS)


def sigmoid(logits: Floats) -> Floats:
    """Compute `1 / (1 + exp(-logits))` in place, in a form that cannot overflow."""
    logits *= np.float32(0.5)
    np.tanh(logits, out=logits)
    logits *= np.float32(0.5)
    logits += np.float32(0.5)
    return logits


@dataclass(frozen=True)
class _Logits:
    """The logits of a teacher.

    Attributes:
        teacher: Its predictions.
        lowest: The smallest rating that is not clipped, as a share of the highest one.
    """

    teacher: Predictions
    lowest: np.float32

    def tile(self, tile: Tile) -> Floats:
        share = np.clip(
            self.teacher.tile(tile) / np.float32(MAX_STARS), self.lowest, np.float32(_HIGHEST_SHARE)
        )
        found: Floats = np.log(share / (1 - share))
        return found


@dataclass(frozen=True)
class _Weighted:
    """The logits without biases, times the square roots of the weights of users and movies."""

    logits: _Logits
    user_bias: Floats
    movie_bias: Floats
    user_root: Floats
    movie_root: Floats

    def tile(self, tile: Tile) -> Floats:
        rest = self.logits.tile(tile) - self.user_bias[tile.users, None] - self.movie_bias[tile.movies]
        weighted: Floats = (
            rest * self.user_root[tile.users, None] * (tile.scale * self.movie_root[tile.movies])
        )
        return weighted


def _means(tile: Tile, shared: tuple[_Logits, Floats, Floats]) -> tuple[Floats, Floats]:
    logits, user_share, movie_share = shared
    share = tile.scale * movie_share[tile.movies]
    values = logits.tile(tile)
    return values @ (share / share.sum()), user_share[tile.users] @ values * tile.scale


def _times(tile: Tile, shared: tuple[_Weighted, Floats]) -> Floats:
    weighted, table = shared
    product: Floats = weighted.tile(tile) @ table[tile.movies]
    return product


def _squared_times(tile: Tile, shared: tuple[_Weighted, Floats]) -> Floats:
    weighted, table = shared
    values = weighted.tile(tile)
    product: Floats = values.T @ (values @ table[tile.movies])
    return product


def start_from_logits(
    teacher: Predictions,
    observed: Observed,
    tiles: Sequence[Tile],
    *,
    rank: int,
    seed: int,
    runner: Runner | None = None,
) -> Factors:
    """Initialise a student from the weighted singular value decomposition of the teacher's logits.

    The weight of a user or movie is the square root of its number of ratings. The leading singular vectors
    are found from the teacher's tiles (see `truncated_svd`).

    Args:
        teacher: Predictions to fit.
        observed: Number of ratings of each user and movie.
        tiles: All pairs, or a sample.
        rank: Number of factors; fewer if there are fewer users or movies.
        seed: Seed of the random start of the iteration.
        runner: Computes the tiles; threads of this machine by default.
    """
    run = (runner or ThreadRunner()).run
    users, movies = observed.users, observed.movies
    user_weight = np.sqrt(observed.user_counts + 1)
    movie_weight = np.sqrt(observed.movie_counts + 1)
    user_weight, movie_weight = user_weight / user_weight.mean(), movie_weight / movie_weight.mean()
    scale = np.empty(movies, dtype=np.float32)
    for tile in tiles:
        scale[tile.movies] = tile.scale
    # A movie with few sampled pairs gets a small weight, because their scale amplifies its noise.
    user_root, movie_root = np.sqrt(user_weight), np.sqrt(movie_weight / scale)
    logits = _Logits(teacher, np.float32(max(_LOWEST_SHARE_OF_LOWEST * observed.lowest / MAX_STARS, 0.01)))
    user_share, movie_share = user_weight / user_weight.sum(), movie_weight / movie_weight.sum()
    user_bias, movie_bias = np.empty(users, dtype=np.float32), np.zeros(movies, dtype=np.float32)
    for tile, (own, other) in zip(tiles, run(_means, tiles, (logits, user_share, movie_share)), strict=True):
        user_bias[tile.users] = own
        movie_bias[tile.movies] += other
    global_bias = np.float32(user_share @ user_bias)
    user_bias -= global_bias
    movie_bias -= global_bias
    weighted = _Weighted(logits, user_bias, movie_bias + global_bias, user_root, movie_root)

    def times(table: Floats) -> Floats:
        product = np.empty((users, table.shape[1]), dtype=np.float32)
        for tile, part in zip(tiles, run(_times, tiles, (weighted, table)), strict=True):
            product[tile.users] = part
        return product

    def squared_times(table: Floats) -> Floats:
        product = np.zeros_like(table)
        for tile, part in zip(tiles, run(_squared_times, tiles, (weighted, table)), strict=True):
            product[tile.movies] += part
        return product

    random = np.random.default_rng([seed, 4])
    left, sizes, right = truncated_svd(
        times, squared_times, (users, movies), rank, random, oversampling=8, iterations=6
    )
    root = np.sqrt(sizes)
    return Factors(
        users=_join(left * root / user_root[:, None], user_bias),
        movies=_join(right * root / movie_root[:, None], movie_bias),
        global_bias=float(global_bias),
    )


def truncated_svd(
    times: Callable[[Floats], Floats],
    squared_times: Callable[[Floats], Floats],
    shape: tuple[int, int],
    rank: int,
    random: np.random.Generator,
    *,
    oversampling: int,
    iterations: int,
) -> tuple[Floats, Floats, Floats]:
    """Find the leading singular vectors of a matrix that is given by its products.

    This is subspace iteration (Halko, Martinsson & Tropp 2011, arXiv:0909.4061).

    Args:
        times: Returns A X.
        squared_times: Returns A'A X for `(columns, k)` X, where A is the matrix.
        shape: Number of rows (users) and columns (movies).
        rank: Maximum number of singular vectors.
        random: Generator of the random start.
        oversampling: Number of further vectors that are iterated and then dropped.
        iterations: Number of iterations.

    Returns:
        `(rows, rank)` left singular vectors, `(rank,)` singular values, descending, and `(columns, rank)`
        right singular vectors.
    """
    users, movies = shape
    width = min(rank + oversampling, users, movies)
    basis = np.linalg.qr(random.standard_normal((movies, width)).astype(np.float32))[0]
    for _ in range(iterations):
        basis = np.linalg.qr(squared_times(basis))[0]
    left, sizes, right = np.linalg.svd(times(basis), full_matrices=False)
    return left[:, :rank], sizes[:rank], basis @ right[:rank].T


def in_principal_axes(factors: Factors, observed: Observed) -> Factors:
    """Transform factors to principal axes, where rounding costs least; the predictions stay the same.

    The means of the factors are moved into the biases. The factors are then rotated and scaled so that their
    weighted second moments are diagonal, descending and equal on both sides. As a result, columns differ in
    importance, and the bit allocation can give more bits to the important ones.

    Args:
        factors: The factors to transform.
        observed: Number of ratings of each user and movie, which weights the moments.
    """
    user, movie = factors.users.astype(np.float64), factors.movies.astype(np.float64)
    user_factors, user_bias = user[:, :-1], user[:, -1]
    movie_factors, movie_bias = movie[:, :-1], movie[:, -1]
    user_share = (observed.user_counts / observed.user_counts.sum()).astype(np.float64)
    movie_share = (observed.movie_counts / observed.movie_counts.sum()).astype(np.float64)
    user_mean, movie_mean = user_share @ user_factors, movie_share @ movie_factors
    user_bias = user_bias + user_factors @ movie_mean
    movie_bias = movie_bias + movie_factors @ user_mean
    global_bias = factors.global_bias - float(user_mean @ movie_mean)
    user_factors, movie_factors = user_factors - user_mean, movie_factors - movie_mean
    user_bias_mean, movie_bias_mean = float(user_share @ user_bias), float(movie_share @ movie_bias)
    global_bias += user_bias_mean + movie_bias_mean
    user_root = np.linalg.qr(user_factors * np.sqrt(user_share)[:, None])[1]
    movie_root = np.linalg.qr(movie_factors * np.sqrt(movie_share)[:, None])[1]
    left, sizes, right = np.linalg.svd(user_root @ movie_root.T)
    # Pseudo-inverses, because a tiny data set may not span all factors.
    count = min(user_root.shape[0], movie_root.shape[0])
    scale = np.sqrt(sizes[:count])
    return Factors(
        users=_join(
            user_factors @ np.linalg.pinv(user_root) @ (left[:, :count] * scale), user_bias - user_bias_mean
        ),
        movies=_join(
            movie_factors @ np.linalg.pinv(movie_root) @ (right[:count].T * scale),
            movie_bias - movie_bias_mean,
        ),
        global_bias=global_bias,
    )


def with_columns(factors: Factors, kept: NDArray[np.bool_]) -> Factors:
    """Drop factors and keep the biases.

    Args:
        factors: The factors to select from.
        kept: `(rank,)` whether to keep each factor.
    """
    columns = np.append(kept, True)
    return replace(factors, users=factors.users[:, columns], movies=factors.movies[:, columns])


def _join(factors: NDArray[np.floating], bias: NDArray[np.floating]) -> Floats:
    return np.concatenate([factors, bias[:, None]], axis=1).astype(np.float32)
