"""An item autoencoder: predicts every user's rating of a movie from all ratings of that movie.

AutoRec (Sedhain et al. 2015, "AutoRec: Autoencoders Meet Collaborative Filtering") with two changes:

* the input is the residual of each rating after user and movie biases, so that the network need not learn
  averages;
* `observed_flag` is added to the input of every rated pair. Without it, an unrated movie looks like one that
  was rated exactly as expected, and the information in which movies a user rated is lost.

    hidden = sigmoid(W (rest + flag * rated) + b)         prediction = biases + V hidden + c

The loss is the mean squared error over the ratings of a batch of movies plus `weight_l2 / 2 * |W, V|^2`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.distillation.base.loops import dot_products
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import AutoEncoderSettings
from training.fit.evaluation import damped_biases

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class AutoEncoder:
    """The parts of a fitted network that prediction needs.

    Attributes:
        hidden: `(movies, units)` hidden representation of each movie.
        decoder: `(units, users)`.
        user_offsets: `(users,)` mean, user bias and the decoder's bias.
        movie_offsets: `(movies,)` movie bias.
        bounds: `(2,)` lowest and highest training rating.
    """

    hidden: Floats
    decoder: Floats
    user_offsets: Floats
    movie_offsets: Floats
    bounds: Floats

    def predict(self, users: slice, movies: slice | NDArray[np.int64]) -> Floats:
        """Return the `(users, movies)` predicted stars."""
        stars = self.decoder[:, users].T @ self.hidden[movies].T
        stars += self.user_offsets[users, None]
        stars += self.movie_offsets[movies]
        return np.clip(stars, self.bounds[0], self.bounds[1], out=stars)

    def predict_pairs(self, user: NDArray[np.int32], movie: NDArray[np.int32]) -> Floats:
        """Return the `(n,)` predicted stars of `(n,)` pairs."""
        users, movies = (
            np.concatenate([values, offsets[:, None]], axis=1)
            for values, offsets in ((self.decoder.T, self.user_offsets), (self.hidden, self.movie_offsets))
        )
        return np.clip(dot_products(users, movies, user, movie), self.bounds[0], self.bounds[1])


def fit_auto_encoder(
    observed: Observed, settings: AutoEncoderSettings, *, seed: int, on_step: OnStep | None = None
) -> AutoEncoder:
    """Fit the network on batches of movies.

    Args:
        observed: The training ratings.
        settings: Architecture and optimisation.
        seed: Seed of the initial weights and of the order of movies.
        on_step: Called after each step with (steps done, steps in all).
    """
    # Import Keras and TensorFlow only if a network is fitted.
    import keras
    import tensorflow as tf

    sizes = observed.movies, observed.users
    mean, movie_bias, user_bias = damped_biases(
        observed.movie_index, observed.user_index, observed.ratings, sizes
    )
    rest = observed.ratings - (mean + user_bias[observed.user_index] + movie_bias[observed.movie_index])
    by_movie = _ByMovie(observed, rest.astype(np.float32))
    keras.utils.set_random_seed(seed)
    ratings_in = keras.Input(shape=(observed.users,))
    encode = keras.layers.Dense(settings.hidden, activation="sigmoid")
    decode = keras.layers.Dense(observed.users)
    net = keras.Model(ratings_in, decode(encode(ratings_in)))
    batch = min(settings.batch_size, observed.movies)
    a_round = observed.movies // batch
    steps = settings.epochs * a_round
    optimiser = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps))
    optimiser.build(net.trainable_variables)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator, unused-ignore]
    def step(dense: Any, rated: Any) -> None:
        with tf.GradientTape() as tape:
            error = (net(dense + settings.observed_flag * rated) - dense) * rated
            loss = tf.reduce_sum(error * error) / tf.maximum(tf.reduce_sum(rated), 1.0)
            loss += settings.weight_l2 * (tf.nn.l2_loss(encode.kernel) + tf.nn.l2_loss(decode.kernel))
        optimiser.apply_gradients(
            zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=True)
        )

    random = np.random.default_rng([seed, 2])
    for epoch in range(settings.epochs):
        order = random.permutation(observed.movies)
        for place in range(a_round):
            step(*by_movie.dense(order[place * batch : (place + 1) * batch]))
            if on_step:
                on_step(epoch * a_round + place + 1, steps)
    hidden = []
    for start in range(0, observed.movies, batch):
        dense, rated = by_movie.dense(np.arange(start, min(start + batch, observed.movies)))
        hidden.append(np.asarray(encode(dense + settings.observed_flag * rated)))
    return AutoEncoder(
        hidden=np.concatenate(hidden),
        decoder=np.asarray(decode.kernel),
        user_offsets=(mean + user_bias + np.asarray(decode.bias)).astype(np.float32),
        movie_offsets=movie_bias.astype(np.float32),
        bounds=np.array([observed.lowest, observed.highest], dtype=np.float32),
    )


class _ByMovie:
    """Dense rows for a few movies at a time."""

    def __init__(self, observed: Observed, values: Floats) -> None:
        ratings = observed.by_movie
        self._users, self._user, self._ends = observed.users, ratings.other, ratings.ends
        self._values = values[ratings.order]

    def dense(self, movies: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return the `(movies, users)` values, and a mask of the rated pairs as 0 and 1."""
        values = np.zeros((movies.size, self._users), dtype=np.float32)
        rated = np.zeros_like(values)
        for row, movie in enumerate(movies.tolist()):
            own = slice(int(self._ends[movie]), int(self._ends[movie + 1]))
            values[row, self._user[own]] = self._values[own]
            rated[row, self._user[own]] = 1
        return values, rated
