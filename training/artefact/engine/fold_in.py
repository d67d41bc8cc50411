"""Fold-in: fit the embedding of a user who is not in the training data to their ratings.

The embeddings of movies are fixed. For ratings `r_i` of movies `m_i`, the user's vector `u` (which includes
the bias, if the model has biases) minimises

    sum_i (r_i - rating(u . m_i + global_bias))^2 / noise  +  (u - mean)' covariance^-1 (u - mean)

    rating(x) = low + (high - low) sigmoid(x)

that is, it is the maximum a posteriori estimate, with the mean and covariance of the trained users as the
prior, and the model's mean squared error on warm test pairs as `noise`. There is no hyperparameter. Without
ratings, the result is the average user. A column that is the same for all users (the ones that multiply the
biases of movies) has no variance, so it does not change.

The solver is Gauss-Newton, with the step halved until the cost decreases, in coordinates `z` in which the
penalty is `z' z`: `u = mean + factor z`, `factor factor' = covariance`.

A user of the training data who has rated since has a prior of their own (`Prior.of_trained`): its mean is the
trained vector, and its covariance is what the training ratings left uncertain.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from training.artefact.manifest import Manifest
from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale

MAX_STEPS: Final = 50
MAX_HALVINGS: Final = 20
# Steps below this do not change ratings.
TOLERANCE: Final = 1e-6
# Maximum number of users that the prior is computed from, evenly spaced.
MAX_PRIOR_USERS: Final = 100_000
# In square stars.
MIN_NOISE: Final = 1e-3

Floats = NDArray[np.float64]


class Vectors(Protocol):
    """Embeddings of a model, biases included; a rating is `low + width sigmoid(u . m + global_bias)`."""

    @property
    def global_bias(self) -> float | np.floating | None:
        """The bias that is added to every pair before the sigmoid, if any."""

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of `(n,)` warm users."""

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of `(n,)` warm movies."""


@dataclass(frozen=True, slots=True)
class Prior:
    """A normal prior over user vectors.

    Attributes:
        mean: `(dim,)` the average user.
        factor: `(dim, rank)`, times its transpose the covariance.
        noise: Mean squared error of a trained model's rating.
        global_bias: Added to every pair, before the sigmoid.
        scale: Scale of the ratings.
    """

    mean: Floats
    factor: Floats
    noise: float
    global_bias: float
    scale: RatingScale = DEFAULT_SCALE

    @classmethod
    def of_users(
        cls,
        vectors: NDArray[np.float32],
        noise: float,
        global_bias: float,
        scale: RatingScale = DEFAULT_SCALE,
    ) -> Self:
        """Estimate the prior from the `(users, dim)` vectors of trained users, at least one."""
        exact = vectors.astype(np.float64)
        mean = exact.mean(axis=0)
        centred = exact - mean
        values, directions = np.linalg.eigh(centred.T @ centred / len(exact))
        kept = values > values.max(initial=0.0) * 1e-9
        factor = directions[:, kept] * np.sqrt(values[kept])
        return cls(mean, factor, max(noise, MIN_NOISE * scale.unit**2), global_bias, scale)

    @classmethod
    def of_model(cls, vectors: Vectors, users: int, manifest: Manifest) -> Self:
        """Estimate the prior from the `users` trained users of a model."""
        index = np.unique(np.linspace(0, users - 1, min(users, MAX_PRIOR_USERS)).astype(np.int32))
        accuracy = manifest.accuracy
        noise = accuracy.mse if accuracy.mse_warm is None else accuracy.mse_warm
        global_bias = float(vectors.global_bias or 0)
        return cls.of_users(vectors.user_vectors(index), noise, global_bias, manifest.scale)

    def of_trained(
        self, vector: NDArray[np.float32], movie_vectors: NDArray[np.float32], ratings: float | None = None
    ) -> Self:
        """Return the prior of a user whose vector was trained.

        Args:
            vector: `(dim,)` the trained vector, which is the mean.
            movie_vectors: `(n, dim)` of the movies that the user rated, or of a sample of such movies.
            ratings: Number of ratings that the sample stands for; n by default.
        """
        mean, movies = vector.astype(np.float64), movie_vectors.astype(np.float64)
        jacobian = self._slopes(movies @ mean + self.global_bias)[:, None] * (movies @ self.factor)
        weight = 1.0 if ratings is None else ratings / max(len(movies), 1)
        precision = np.eye(self.factor.shape[1]) + weight * jacobian.T @ jacobian / self.noise
        left = np.linalg.cholesky(np.linalg.inv(precision))
        return replace(self, mean=mean, factor=self.factor @ left)

    def fit(self, movie_vectors: NDArray[np.float32], ratings: Floats) -> Floats:
        """Fit a user's `(dim,)` vector to their `(n,)` ratings of movies with `(n, dim)` vectors."""
        movies = movie_vectors.astype(np.float64)
        start, slopes = movies @ self.mean + self.global_bias, movies @ self.factor
        z = np.zeros(self.factor.shape[1])
        cost = self._cost(z, start, slopes, ratings)
        for _ in range(MAX_STEPS):
            share = _sigmoid(start + slopes @ z)
            jacobian = (self.scale.width * share * (1 - share))[:, None] * slopes
            pull = jacobian.T @ (ratings - self.scale.from_share(share)) / self.noise - z
            step = np.linalg.solve(np.eye(z.size) + jacobian.T @ jacobian / self.noise, pull)
            for _ in range(MAX_HALVINGS):
                moved = self._cost(z + step, start, slopes, ratings)
                if moved <= cost:
                    break
                step = step / 2
            else:
                break
            z, cost = z + step, moved
            if np.max(np.abs(step), initial=0.0) < TOLERANCE:
                break
        return self.mean + self.factor @ z

    def rate(self, vector: Floats, movie_vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rate movies `(n, dim)` for the user; returns `(n,)` ratings."""
        match = movie_vectors @ vector.astype(np.float32) + np.float32(self.global_bias)
        rated: NDArray[np.float32] = self.scale.from_share(_sigmoid(match)).astype(np.float32)
        return rated

    def _slopes(self, match: Floats) -> Floats:
        share = _sigmoid(match)
        slopes: Floats = self.scale.width * share * (1 - share)
        return slopes

    def _cost(self, z: Floats, start: Floats, slopes: Floats, ratings: Floats) -> float:
        off = ratings - self.scale.from_share(_sigmoid(start + slopes @ z))
        return float(off @ off / self.noise + z @ z)


def _sigmoid(match: NDArray[Any]) -> NDArray[Any]:
    share: NDArray[Any] = 1 / (1 + np.exp(-np.clip(match, -60, 60)))
    return share
