"""Bayesian matrix factorisation by Gibbs sampling: the strongest member of the teacher.

    match_ui = b_u + c_i + U_u . V_i

The match determines the rating through one of two noise models (`noise`). The rows (U_u, b_u) and (V_i, c_i)
have priors whose means are coupled by who rated what (`kernel`). Every row, prior mean, precision and cut
point is drawn in turn from its conditional distribution (Salakhutdinov & Mnih 2008, "Bayesian Probabilistic
Matrix Factorization using Markov Chain Monte Carlo"; for the value of well-tuned priors see Rendle, Zhang &
Koren 2019, arXiv:1905.01395). The prediction is the posterior mean, averaged over the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.loops import add_expected, dot_products, draw_rows, expected_stars
from training.distillation.base.observed import Floats, Observed, SortedRatings
from training.distillation.base.settings import BayesianFactorsSettings
from training.distillation.base.threads import concatenate, in_threads, one_blas_thread, ranges
from training.distillation.teacher.kernel import Kernel
from training.distillation.teacher.noise import GaussianNoise, OrdinalNoise

OnRound = Callable[[int, int], None]
"""Called with (rounds done, rounds in all)."""

_LOOKUP_POINTS: Final = 2_001
_FIRST_PRECISION: Final = 10.0
_FIRST_SPREAD: Final = 0.1


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

    def predict(self, users: slice, movies: slice | NDArray[np.int64]) -> Floats:
        """Return the `(users, movies)` predicted stars, averaged over the samples."""

        def match(user: Floats, movie: Floats) -> Floats:
            user, movie = user[users], movie[movies]
            constant = np.ones((len(user), 1), dtype=np.float32), np.ones((len(movie), 1), dtype=np.float32)
            own = np.concatenate([user, constant[0]], axis=1)
            other = np.concatenate([movie[:, :-1], constant[1], movie[:, -1:]], axis=1)
            product: Floats = own @ other.T
            return product

        return self._mean(match)

    def predict_pairs(self, user: NDArray[np.int32], movie: NDArray[np.int32]) -> Floats:
        """Return the `(n,)` predicted stars of `(n,)` pairs, averaged over the samples."""
        return self._mean(lambda users, movies: dot_products(users, movies, user, movie))

    def _mean(self, match: Callable[[Floats, Floats], Floats]) -> Floats:
        """Return the mean of the predicted stars for the matches of each sample."""
        total: Floats | None = None
        for users, movies, state in zip(self.users, self.movies, self.states, strict=True):
            of_sample = match(users.astype(np.float32), movies.astype(np.float32))
            if total is None:
                total = np.zeros_like(of_sample)
            if self.ordinal:
                table = expected_stars(state.astype(np.float64), self.stars, _LOOKUP_POINTS)
                add_expected(total.ravel(), of_sample.ravel(), table)
            else:
                of_sample += state[0]
                total += np.clip(of_sample, self.stars[0], self.stars[-1], out=of_sample)
        assert total is not None
        total /= np.float32(len(self.states))
        return total


@one_blas_thread()
def fit_bayesian_factors(
    observed: Observed,
    kernels: tuple[Kernel, Kernel],
    settings: BayesianFactorsSettings,
    *,
    seed: int,
    on_round: OnRound | None = None,
) -> BayesianFactors:
    """Draw samples of the factors with the Gibbs sampler.

    Args:
        observed: The training ratings.
        kernels: Kernels of the prior means of users and movies.
        settings: Settings of the sampler.
        seed: Seed of every draw.
        on_round: Called after each round with (rounds done, rounds in all).
    """
    random = np.random.default_rng([seed, 1])
    user_kernel, movie_kernel = kernels
    user, movie = observed.user_index, observed.movie_index
    users = GibbsSide(observed.by_user, settings.rank, user_kernel, random)
    movies = GibbsSide(observed.by_movie, settings.rank, movie_kernel, random)
    pairs = ranges(np.arange(len(observed) + 1))
    ordinal = settings.noise == "ordinal" and observed.lowest < observed.highest
    noise = OrdinalNoise(observed, random) if ordinal else GaussianNoise(observed, random)
    kept = []
    for done in range(1, settings.sweeps + 1):
        match = concatenate(
            lambda part: dot_products(users.values, movies.values, user[part], movie[part]), pairs
        )
        target, precision = noise.draw_targets(match)
        users.draw_values(movies.values, target, precision)
        users.draw_prior()
        movies.draw_values(users.values, target, precision)
        movies.draw_prior()
        if done > settings.burn_in and (done - settings.burn_in) % settings.thin == 0:
            kept.append((users.values.astype(np.float16), movies.values.astype(np.float16), noise.state()))
        if on_round:
            on_round(done, settings.sweeps)
    user_samples, movie_samples, states = (np.stack(samples) for samples in zip(*kept, strict=True))
    return BayesianFactors(user_samples, movie_samples, states, noise.stars, ordinal)


class GibbsSide:
    """The users or the movies, with a row (factors, bias) each.

    The prior of the rows is `x_n ~ N(m_n, L^-1)`. The means m are matrix normal with the kernel K over ids
    and L^-1 over columns, so that similar ids under the kernel share information. K is stored as its
    eigenpairs (s, Q): with m = Q c, each row of c is drawn independently, shrunk by s / (1 + s).

    Attributes:
        values: `(ids, rank + 1)` float32, the bias last.
    """

    def __init__(
        self, ratings: SortedRatings, rank: int, kernel: Kernel, random: np.random.Generator
    ) -> None:
        """Start from small random factors.

        Args:
            ratings: The ratings sorted by this side's ids.
            rank: Number of factors.
            kernel: Kernel of the prior means.
            random: Generator that the whole sampler shares.
        """
        self._ratings, self._kernel, self._random = ratings, kernel, random
        self._size, self._columns = ratings.ends.size - 1, rank + 1
        self._ranges = ranges(ratings.ends, cost_of_row=rank)
        factors = _FIRST_SPREAD * random.standard_normal((self._size, rank))
        self.values: Floats = np.concatenate([factors, np.zeros((self._size, 1))], axis=1).astype(np.float32)
        self._means = np.zeros((self._size, rank + 1), dtype=np.float32)
        self._precision: Floats = np.eye(rank + 1, dtype=np.float32) * np.float32(_FIRST_PRECISION)

    def draw_values(self, other: Floats, target: Floats, precision: Floats | None) -> None:
        """Draw every row, given the other side.

        Args:
            other: `(other ids, rank + 1)` the other side's rows.
            target: `(n,)` target of the dot product plus both biases for each rating.
            precision: `(n,)` precision of each target; 1 for all by default.
        """
        ratings = self._ratings
        pull = self._means @ self._precision
        target = target[ratings.order]
        trust = np.empty(0, dtype=np.float32) if precision is None else precision[ratings.order]
        noise = self._random.standard_normal((self._size, self._columns), dtype=np.float32)

        def draw(ids: slice) -> Floats:
            ends = ratings.ends[ids.start : ids.stop + 1]
            return draw_rows(
                ends, ratings.other, other, target, trust, pull[ids], self._precision, noise[ids]
            )

        self.values = concatenate(draw, self._ranges)

    def draw_prior(self) -> None:
        """Draw the prior means (matrix normal) and the precision (Wishart), given the rows."""
        random, columns = self._random, self._columns
        shares, vectors = self._kernel.values, self._kernel.vectors
        shrink = (shares / (1 + shares))[:, None]
        covariance_root = np.linalg.cholesky(np.linalg.inv(self._precision.astype(np.float64)))
        noise = random.standard_normal((shares.size, columns), dtype=np.float32)
        products = in_threads(lambda ids: vectors[ids].T @ self.values[ids], self._ranges)
        weights = shrink * sum(products, np.float32(0))
        weights += np.sqrt(shrink) * (noise @ covariance_root.T.astype(np.float32))
        self._means = concatenate(lambda ids: vectors[ids] @ weights, self._ranges)
        away = self.values - self._means
        scatter = (away.T @ away + (weights / shares[:, None]).T @ weights).astype(np.float64)
        scatter += np.eye(columns)
        freedom = self._size + shares.size + columns
        # Bartlett's decomposition of a Wishart draw.
        bartlett = np.tril(random.standard_normal((columns, columns)), -1)
        bartlett[np.diag_indices(columns)] = np.sqrt(random.chisquare(freedom - np.arange(columns)))
        root = np.linalg.cholesky(np.linalg.inv(scatter)) @ bartlett
        self._precision = (root @ root.T).astype(np.float32)
