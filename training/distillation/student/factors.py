"""A student in floats: factors and biases of both sides, how they start, and in which axes they are told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.observed import Floats, Observed, tiles
from training.distillation.teacher.teacher import TeacherPredictions

MAX_STARS: Final = 5.0
SideName = Literal["users", "movies"]
SIDES: Final[tuple[SideName, SideName]] = ("movies", "users")
"""In the order in which they are fitted."""

_OVERSAMPLING: Final = 8
_POWER_ITERATIONS: Final = 6
# Teacher's ratings are kept from the ends of the scale, where logits run away.
_LOWEST_SHARE_OF_LOWEST: Final = 0.75
_HIGHEST_SHARE: Final = 0.985


@dataclass(frozen=True)
class Factors:
    """rating_ui = 5 * sigmoid(x_u . y_i + b_u + c_i + g).

    Attributes:
        users: `(users, rank + 1)` factors x and, last, bias b.
        movies: `(movies, rank + 1)` factors y and, last, bias c.
        global_bias: g.
    """

    users: Floats
    movies: Floats
    global_bias: float

    @property
    def rank(self) -> int:
        """Factors of a row."""
        return int(self.users.shape[1]) - 1

    def logits(self, rows: slice) -> Floats:
        """`(users of the tile, movies)`."""
        own = self.users[rows]
        logits: Floats = own[:, :-1] @ self.movies[:, :-1].T
        logits += own[:, -1:]
        logits += self.movies[:, -1] + np.float32(self.global_bias)
        return logits

    def side(self, side: SideName) -> Floats:
        """`(ids, rank + 1)` the values of one side."""
        return self.users if side == "users" else self.movies

    def moved(self, side: SideName, values: Floats) -> Factors:
        """The same with other values of one side."""
        return replace(self, users=values) if side == "users" else replace(self, movies=values)

    def predict(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> Floats:
        """`(n,)` stars of `(n,)` pairs."""
        own, other = self.users[user_index], self.movies[movie_index]
        logits = np.einsum("nk,nk->n", own[:, :-1], other[:, :-1]) + own[:, -1] + other[:, -1]
        return sigmoid(logits + np.float32(self.global_bias)) * np.float32(MAX_STARS)


def sigmoid(logits: Floats) -> Floats:
    """`1 / (1 + exp(-logits))`, in the form that never overflows; in place."""
    logits *= np.float32(0.5)
    np.tanh(logits, out=logits)
    logits *= np.float32(0.5)
    logits += np.float32(0.5)
    return logits


def start_from_logits(
    teacher: TeacherPredictions, observed: Observed, *, rank: int, tile_users: int, seed: int
) -> Factors:
    """Biases and leading singular vectors of the teacher's logits, rows and columns weighted.

    A row weighs as the square root of its ratings. The singular vectors come by subspace iteration (Halko,
    Martinsson & Tropp 2011, arXiv:0909.4061), which reads the teacher's tiles in order.

    Args:
        teacher: What to fit.
        observed: How often everybody was rated.
        rank: Factors; fewer where there are fewer users or movies.
        tile_users: Users in memory at a time.
        seed: Of the iteration's start.
    """
    users, movies = observed.users, observed.movies
    user_weight = np.sqrt(observed.user_counts + 1)
    movie_weight = np.sqrt(observed.movie_counts + 1)
    user_weight, movie_weight = user_weight / user_weight.mean(), movie_weight / movie_weight.mean()
    user_root, movie_root = np.sqrt(user_weight), np.sqrt(movie_weight)
    lowest = np.float32(max(_LOWEST_SHARE_OF_LOWEST * observed.lowest / MAX_STARS, 0.01))

    def logits(rows: slice) -> Floats:
        share = np.clip(teacher.tile(rows) / np.float32(MAX_STARS), lowest, np.float32(_HIGHEST_SHARE))
        found: Floats = np.log(share / (1 - share))
        return found

    user_share, movie_share = user_weight / user_weight.sum(), movie_weight / movie_weight.sum()
    user_bias, movie_bias = np.empty(users, dtype=np.float32), np.zeros(movies, dtype=np.float32)
    for rows in tiles(users, tile_users):
        tile = logits(rows)
        user_bias[rows] = tile @ movie_share
        movie_bias += user_share[rows] @ tile
    global_bias = np.float32(user_share @ user_bias)
    user_bias -= global_bias
    movie_bias -= global_bias

    def scaled(rows: slice) -> Floats:
        rest = logits(rows) - user_bias[rows, None] - (movie_bias + global_bias)
        weighted: Floats = rest * user_root[rows, None] * movie_root
        return weighted

    random = np.random.default_rng([seed, 4])
    width = min(rank + _OVERSAMPLING, users, movies)
    basis = np.linalg.qr(random.standard_normal((movies, width)).astype(np.float32))[0]
    for _ in range(_POWER_ITERATIONS):
        back = np.zeros_like(basis)
        for rows in tiles(users, tile_users):
            tile = scaled(rows)
            back += tile.T @ (tile @ basis)
        basis = np.linalg.qr(back)[0]
    small = np.concatenate([scaled(rows) @ basis for rows in tiles(users, tile_users)])
    left, sizes, right = np.linalg.svd(small, full_matrices=False)
    kept = min(rank, sizes.size)
    root = np.sqrt(sizes[:kept])
    return Factors(
        users=_join(left[:, :kept] * root / user_root[:, None], user_bias),
        movies=_join((basis @ right[:kept].T) * root / movie_root[:, None], movie_bias),
        global_bias=float(global_bias),
    )


def in_principal_axes(factors: Factors, observed: Observed) -> Factors:
    """The same predictions, told so that rounding costs least.

    Factors are centred into the biases, and rotated and scaled so that their weighted second moments are
    diagonal, falling, and equal on both sides. Then columns differ in how much they matter, and bits can
    go where they count.

    Args:
        factors: Any.
        observed: How often everybody was rated, which weighs the moments.
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
    # Pseudo-inverses: a tiny data set may not span all factors.
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
    """Only some factors; biases stay.

    Args:
        factors: Any.
        kept: `(rank,)` which.
    """
    columns = np.append(kept, True)
    return replace(factors, users=factors.users[:, columns], movies=factors.movies[:, columns])


def _join(factors: NDArray[np.floating], bias: NDArray[np.floating]) -> Floats:
    return np.concatenate([factors, bias[:, None]], axis=1).astype(np.float32)
