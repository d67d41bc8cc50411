"""Weights of (user, movie) pairs: the estimated propensity, i.e. the probability that a pair is rated.

Test ratings are not spread evenly over all pairs: some pairs are far more likely to be rated. A student with
few bits must spend them on those pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.data.large_arrays import release
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import StudentSettings
from training.distillation.base.tiles import Tile
from training.distillation.student.factors import truncated_svd


@dataclass(frozen=True)
class PairWeights:
    """Weights of pairs, 1 on average over the product of the counts.

    weight_ui ~ max(sqrt(n_u n_i) * Z_ui, floor * n_u n_i / N), where Z is the low-rank part of
    D_u^-1/2 R D_i^-1/2, R is 1 for rated pairs and 0 elsewhere, n is the number of ratings plus one, and N is
    the total number of ratings.

    Attributes:
        users: `(users, rank)`; `users @ movies.T` estimates the probability that a pair is rated.
        movies: `(movies, rank)`.
        user_counts: `(users,)` number of ratings plus one.
        movie_counts: `(movies,)` likewise.
        floor: Minimum weight, as a fraction of the weight from the counts alone.
        total: Total number of ratings.
    """

    users: Floats
    movies: Floats
    user_counts: Floats
    movie_counts: Floats
    floor: float
    total: float

    def tile(self, tile: Tile) -> Floats:
        """Return the `(users of the tile, movies of the tile)` weights, including the tile's scale."""
        weights: Floats = self.users[tile.users] @ self.movies[tile.movies].T
        least = self.user_counts[tile.users, None] * self.movie_counts[tile.movies]
        least *= np.float32(self.floor / self.total)
        np.maximum(weights, least, out=weights)
        weights *= tile.scale * np.float32(self.user_counts.size * self.movie_counts.size / self.total)
        return weights


def pair_weights(observed: Observed, settings: StudentSettings, *, seed: int) -> PairWeights:
    """Estimate the propensity of all pairs.

    Args:
        observed: The training ratings; only the rated pairs are used.
        settings: Rank of the estimate and minimum weight (`propensity_rank`, `propensity_floor`).
        seed: Seed of the random start of the iteration.
    """
    user_counts, movie_counts = observed.user_counts + 1, observed.movie_counts + 1
    by_user, by_movie = (
        (1 / np.sqrt(counts)[:, None]).astype(np.float32) for counts in (user_counts, movie_counts)
    )

    def times(table: Floats) -> Floats:
        product: Floats = by_user * observed.by_user.sums(by_movie * table)
        return product

    def squared_times(table: Floats) -> Floats:
        product: Floats = by_movie * observed.by_movie.sums(by_user * times(table))
        return product

    left, sizes, right = truncated_svd(
        times,
        squared_times,
        (observed.users, observed.movies),
        settings.propensity_rank,
        np.random.default_rng([seed, 3]),
        oversampling=10,
        iterations=4,
    )
    release(observed.by_user.other, observed.by_movie.other)
    return PairWeights(
        users=(left * sizes / by_user).astype(np.float32),
        movies=np.ascontiguousarray(right / by_movie, dtype=np.float32),
        user_counts=user_counts,
        movie_counts=movie_counts,
        floor=settings.propensity_floor,
        total=float(len(observed)),
    )
