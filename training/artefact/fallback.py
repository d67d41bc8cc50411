"""The rating of a pair with a cold side: the known side's mean rating, or the global mean.

The trainer's figures and the service use the same rule. The source of the mean depends on the model:

* a model without biases stores damped means, `(sum + damping * global_mean) / (count + damping)`: a user
  with two ratings stays close to the global mean, one with two hundred keeps their own;
* a model with biases needs no means: the known side's bias gives `low + width * sigmoid(global_bias + bias)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artefact.new_movies import NewMovies
from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale

DAMPING = 10.0


class BiasMeans:
    """Mean ratings from biases, `low + width * sigmoid(global_bias + bias)`, computed on access.

    Attributes:
        biases: `(warm ids,)`.
    """

    def __init__(self, global_bias: float, biases: NDArray[np.float32], scale: RatingScale) -> None:
        self._global_bias, self.biases, self._scale = global_bias, biases, scale

    def __len__(self) -> int:
        return int(self.biases.size)

    def take(self, index: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the `(n,)` means at `(n,)` indices."""
        logits = self._global_bias + self.biases.take(index).astype(np.float64)
        return _ratings(logits, self._scale).astype(np.float32)


# Both support `len` and `take`.
Means = NDArray[np.float32] | BiasMeans


@dataclass(frozen=True)
class Fallback:
    """Rates pairs of which one or both sides are cold.

    Attributes:
        global_mean: Mean training rating.
        user_means: `(warm users,)` mean rating of each warm user.
        movie_means: `(warm movies,)` the same for movies.
        new_movies: Rates movies without training ratings by their features, if the model has any.
    """

    global_mean: float
    user_means: Means
    movie_means: Means
    new_movies: NewMovies | None = None

    @classmethod
    def from_biases(
        cls,
        global_bias: float,
        user_biases: NDArray[np.float32],
        movie_biases: NDArray[np.float32],
        scale: RatingScale = DEFAULT_SCALE,
    ) -> Fallback:
        """Make the fallback from a model's biases, leaving out the dot product.

        Args:
            global_bias: Added to every pair, before the sigmoid.
            user_biases: `(warm users,)` likewise, of each user.
            movie_biases: `(warm movies,)` likewise, of each movie.
            scale: Scale of the ratings.
        """
        return cls(
            float(_ratings(np.float64(global_bias), scale)),
            BiasMeans(global_bias, user_biases, scale),
            BiasMeans(global_bias, movie_biases, scale),
        )

    @property
    def by_biases(self) -> bool:
        """Whether the means come from the model's biases, so that none need to be stored."""
        return isinstance(self.user_means, BiasMeans)

    @property
    def nbytes(self) -> int:
        """Bytes of its own arrays, without biases that are part of the model's arrays."""
        held = (
            means.biases if isinstance(means, BiasMeans) else means
            for means in (self.user_means, self.movie_means)
        )
        own = sum(array.nbytes for array in held if array.base is None)
        return own if self.new_movies is None else own + self.new_movies.nbytes

    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rate pairs of which at least one side is cold.

        Args:
            user_index: `(n,)`, -1 for an unknown user.
            movie_index: `(n,)`, -1 for an unknown movie.

        Returns:
            `(n,)` ratings: the warm side's mean, else the global mean; those by features where the movie is
            cold and has some.
        """
        user_warm = (user_index >= 0) & (user_index < len(self.user_means))
        movie_warm = (movie_index >= 0) & (movie_index < len(self.movie_means))
        rated = np.full(user_index.shape, self.global_mean, dtype=np.float32)
        rated[user_warm] = self.user_means.take(user_index[user_warm])
        only_movie = movie_warm & ~user_warm
        rated[only_movie] = self.movie_means.take(movie_index[only_movie])
        if self.new_movies is not None:
            described = self.new_movies.has_features(movie_index)
            rated[described] = self.new_movies.rate(user_index[described], movie_index[described])
        return rated


def every_mean(means: Means) -> NDArray[np.float32]:
    """Return a new array `(n,)` with the mean of every id of a side."""
    return means.take(np.arange(len(means)))


def _ratings(logits: NDArray[np.float64] | np.float64, scale: RatingScale) -> NDArray[np.float64]:
    """Compute `low + width * sigmoid(logits)` without overflow."""
    half = scale.width / 2
    return np.asarray(scale.low + half + half * np.tanh(np.asarray(logits) / 2))


def damped_means(
    index: NDArray[np.integer], ratings: NDArray[np.floating], size: int, global_mean: float
) -> NDArray[np.float32]:
    """Compute the `(size,)` damped mean rating of each index, rounded to the 4 digits that a manifest keeps.

    Args:
        index: `(n,)` which user (or movie) each rating belongs to.
        ratings: `(n,)`.
        size: Number of users (or movies).
        global_mean: The value that damping shrinks to.
    """
    sums = np.bincount(index, weights=ratings, minlength=size)[:size]
    counts = np.bincount(index, minlength=size)[:size]
    means = (sums + DAMPING * global_mean) / (counts + DAMPING)
    return np.round(means, 4).astype(np.float32)
