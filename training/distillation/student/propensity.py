"""How likely each pair is to be rated: what a student's error on it should cost.

Test ratings fall where people rate, not evenly over all pairs. A student of few bits must spend them there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.distillation.base.observed import Floats, Observed, tiles

_OVERSAMPLING: Final = 10
_POWER_ITERATIONS: Final = 4


@dataclass(frozen=True)
class PairWeights:
    """Weights of pairs, 1 on average over the product of the counts.

    weight_ui ~ max(sqrt(n_u n_i) * Z_ui, floor * n_u n_i / N), where Z is the low-rank part of
    D_u^-1/2 R D_i^-1/2, R the 0/1 table of who rated what, n counts ratings (and one more each), N all.

    Attributes:
        users: `(users, rank)`; `users @ movies.T` estimates the chance that a pair is rated.
        movies: `(movies, rank)`.
        user_counts: `(users,)` ratings and one more.
        movie_counts: `(movies,)` likewise.
        floor: Least weight, as a part of what the counts alone say.
        total: Ratings in all.
    """

    users: Floats
    movies: Floats
    user_counts: Floats
    movie_counts: Floats
    floor: float
    total: float

    def tile(self, rows: slice) -> Floats:
        """`(users of the tile, movies)` weights."""
        weights = self.users[rows] @ self.movies.T
        least = np.float32(self.floor / self.total) * self.user_counts[rows, None] * self.movie_counts
        np.maximum(weights, least, out=weights)
        weights *= np.float32(self.user_counts.size * self.movie_counts.size / self.total)
        return weights


def pair_weights(observed: Observed, *, rank: int, floor: float, tile_users: int, seed: int) -> PairWeights:
    """Estimate who rates what, by subspace iteration on tiles.

    Args:
        observed: Who rated what.
        rank: Of the estimate.
        floor: Least weight, as a part of what popularity alone says.
        tile_users: Users whose ratings are laid out at a time.
        seed: Of the iteration's start.
    """
    user_counts, movie_counts = observed.user_counts + 1, observed.movie_counts + 1
    user_root, movie_root = np.sqrt(user_counts), np.sqrt(movie_counts)
    width = min(rank + _OVERSAMPLING, observed.users, observed.movies)
    random = np.random.default_rng([seed, 3])
    basis = np.linalg.qr(random.standard_normal((observed.movies, width)).astype(np.float32))[0]
    for _ in range(_POWER_ITERATIONS):
        back = np.zeros_like(basis)
        for rows in tiles(observed.users, tile_users):
            scaled = observed.tile(rows) / user_root[rows, None] / movie_root
            back += scaled.T @ (scaled @ basis)
        basis = np.linalg.qr(back)[0]
    small = np.concatenate(
        [
            (observed.tile(rows) / user_root[rows, None] / movie_root) @ basis
            for rows in tiles(observed.users, tile_users)
        ]
    )
    left, sizes, right = np.linalg.svd(small, full_matrices=False)
    kept = min(rank, sizes.size)
    return PairWeights(
        users=(left[:, :kept] * sizes[:kept] * user_root[:, None]).astype(np.float32),
        movies=np.ascontiguousarray((basis @ right[:kept].T) * movie_root[:, None], dtype=np.float32),
        user_counts=user_counts,
        movie_counts=movie_counts,
        floor=floor,
        total=float(len(observed)),
    )
