"""Bayesian matrix factorisation by Gibbs sampling: the strongest member of the teacher.

    match_ui = b_u + c_i + U_u . V_i

The match determines the rating through one of two noise models (`noise`). The rows (U_u, b_u) and (V_i, c_i)
have priors whose means are coupled by who rated what (`kernel`). Every row, prior mean, precision and cut
point is drawn in turn from its conditional distribution (Salakhutdinov & Mnih 2008, "Bayesian Probabilistic
Matrix Factorization using Markov Chain Monte Carlo"; for the value of well-tuned priors see Rendle, Zhang &
Koren 2019, arXiv:1905.01395). The prediction is the posterior mean, averaged over the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import BayesianFactorsSettings
from training.distillation.base.threads import on_one_blas_thread
from training.distillation.teacher.gibbs_side import GibbsSide
from training.distillation.teacher.kernel import side_kernels
from training.distillation.teacher.noise import GaussianNoise, Noise, OrdinalNoise, ordinal_stars

OnRound = Callable[[int, int], None]
"""Called with (rounds done, rounds in all)."""


@dataclass(frozen=True)
class BayesianFactors:
    """The samples of the Gibbs sampler.

    Attributes:
        users: `(samples, users, rank + 1)` float16 factors; the last column is the bias.
        movies: `(samples, movies, rank + 1)` float16 likewise.
        states: `(samples, m)` float32: cut points, or the mean rating.
        stars: `(levels,)` stars of the levels between the cut points; the lowest and highest rating if there
            are no cut points.
        ordinal: Whether the states are cut points.
    """

    users: NDArray[np.float16]
    movies: NDArray[np.float16]
    states: NDArray[np.float32]
    stars: NDArray[np.float64]
    ordinal: bool

    def predict(self, rows: slice) -> Floats:
        """Return the `(users of the tile, movies)` predicted stars, averaged over the samples."""
        total = np.zeros((rows.stop - rows.start, self.movies.shape[1]), dtype=np.float32)
        for users, movies, state in zip(self.users, self.movies, self.states, strict=True):
            user, movie = users[rows].astype(np.float32), movies.astype(np.float32)
            match = user[:, :-1] @ movie[:, :-1].T
            match += user[:, -1:]
            match += movie[:, -1]
            if self.ordinal:
                total += ordinal_stars(match, state, self.stars)
            else:
                total += np.clip(match + state[0], self.stars[0], self.stars[-1])
        total /= len(self.states)
        return total

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store, by name."""
        return {
            "users": self.users,
            "movies": self.movies,
            "states": self.states,
            "stars": self.stars,
            "ordinal": np.array(self.ordinal),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> BayesianFactors:
        """Restore the samples from the arrays of `to_arrays`."""
        return cls(
            users=arrays["users"],
            movies=arrays["movies"],
            states=arrays["states"],
            stars=arrays["stars"],
            ordinal=bool(arrays["ordinal"]),
        )


@on_one_blas_thread
def fit_bayesian_factors(
    observed: Observed,
    genres: Floats | None,
    settings: BayesianFactorsSettings,
    *,
    tile_users: int,
    seed: int,
    on_round: OnRound | None = None,
) -> BayesianFactors:
    """Draw samples of the factors with the Gibbs sampler.

    Args:
        observed: The training ratings.
        genres: `(movies, features)` 0 or 1, or None if no features are known.
        settings: Settings of the sampler.
        tile_users: Number of users per dense tile while the kernels are computed.
        seed: Seed of every draw.
        on_round: Called after each round with (rounds done, rounds in all).
    """
    random = np.random.default_rng([seed, 1])
    user_kernel, movie_kernel = side_kernels(
        observed,
        genres,
        intercept=settings.intercept_scale,
        implicit=settings.implicit_scale,
        genre=settings.genre_scale,
        rank=settings.kernel_rank,
        tile_users=tile_users,
        seed=seed,
    )
    user, movie = observed.user_index, observed.movie_index
    users = GibbsSide(user, movie, observed.users, settings.rank, user_kernel, random)
    movies = GibbsSide(movie, user, observed.movies, settings.rank, movie_kernel, random)
    ordinal = settings.noise == "ordinal" and observed.lowest < observed.highest
    noise: Noise = OrdinalNoise(observed, random) if ordinal else GaussianNoise(observed, random)
    stars = np.array([observed.lowest, observed.highest])
    if isinstance(noise, OrdinalNoise):
        stars = noise.stars
    kept = []
    for done in range(1, settings.sweeps + 1):
        target, precision = noise.draw_targets(_match(users.values, movies.values, user, movie))
        users.draw_values(movies.values, target, precision)
        users.draw_prior()
        movies.draw_values(users.values, target, precision)
        movies.draw_prior()
        if done > settings.burn_in and (done - settings.burn_in) % settings.thin == 0:
            kept.append((users.values.astype(np.float16), movies.values.astype(np.float16), noise.state()))
        if on_round:
            on_round(done, settings.sweeps)
    return BayesianFactors(
        users=np.stack([sample[0] for sample in kept]),
        movies=np.stack([sample[1] for sample in kept]),
        states=np.stack([sample[2] for sample in kept]),
        stars=stars,
        ordinal=ordinal,
    )


def _match(users: Floats, movies: Floats, user: NDArray[np.int32], movie: NDArray[np.int32]) -> Floats:
    """Return the `(n,)` dot product plus both biases of each rating, computed a million at a time."""
    match = np.empty(user.size, dtype=np.float32)
    for start in range(0, user.size, 1_000_000):
        part = slice(start, start + 1_000_000)
        own, other = users[user[part]], movies[movie[part]]
        match[part] = np.einsum("nk,nk->n", own[:, :-1], other[:, :-1]) + own[:, -1] + other[:, -1]
    return match
