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
"""

from dataclasses import dataclass
from typing import Any, Final, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import NoFoldIn
from app.scoring.scorer import RatingScorer, VectorEngine
from training.artefact import DEFAULT_SCALE, RatingScale

MAX_STEPS: Final = 50
MAX_HALVINGS: Final = 20
# Steps below this do not change ratings.
TOLERANCE: Final = 1e-6
# Maximum number of users that the prior is computed from, evenly spaced.
MAX_PRIOR_USERS: Final = 100_000
# In square stars.
MIN_NOISE: Final = 1e-3

Floats = NDArray[np.float64]


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

    def _cost(self, z: Floats, start: Floats, slopes: Floats, ratings: Floats) -> float:
        off = ratings - self.scale.from_share(_sigmoid(start + slopes @ z))
        return float(off @ off / self.noise + z @ z)


class FoldIn:
    """Fits users of loaded models; a model's prior is computed on first use."""

    def __init__(self) -> None:
        self._priors: WeakKeyDictionary[RatingScorer, Prior] = WeakKeyDictionary()

    def has_prior(self, scorer: RatingScorer) -> bool:
        """Whether the prior of a model is already computed."""
        return scorer in self._priors

    def prior(self, scorer: RatingScorer) -> Prior:
        """Return the prior of a model.

        Raises:
            NoFoldIn: The engine does not expose embeddings.
        """
        found = self._priors.get(scorer)
        if found is None:
            engine = vector_engine(scorer)
            count = scorer.users.warm
            users = np.unique(np.linspace(0, count - 1, min(count, MAX_PRIOR_USERS)).astype(np.int32))
            accuracy = scorer.manifest.accuracy
            noise = accuracy.mse if accuracy.mse_warm is None else accuracy.mse_warm
            found = Prior.of_users(
                engine.user_vectors(users), noise, engine.global_bias, scorer.manifest.scale
            )
            self._priors[scorer] = found
        return found


def vector_engine(scorer: RatingScorer) -> VectorEngine:
    """Return the engine of a model if it exposes its embeddings.

    Raises:
        NoFoldIn: It does not expose them.
    """
    if not isinstance(scorer.engine, VectorEngine):
        raise NoFoldIn(scorer.name)
    return scorer.engine


def _sigmoid(match: NDArray[Any]) -> NDArray[Any]:
    share: NDArray[Any] = 1 / (1 + np.exp(-np.clip(match, -60, 60)))
    return share
