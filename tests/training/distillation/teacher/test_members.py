from __future__ import annotations

import numpy as np
import pytest

from tests.builders import tiny_dataset
from training.data.table import Movie
from training.distillation.base.observed import Observed, rating_levels
from training.distillation.base.settings import (
    AutoEncoderSettings,
    BayesianFactorsSettings,
    VariationalSettings,
)
from training.distillation.teacher.auto_encoder import AutoEncoder, fit_auto_encoder
from training.distillation.teacher.bayesian_factors import BayesianFactors, fit_bayesian_factors
from training.distillation.teacher.kernel import genre_features, side_kernels
from training.distillation.teacher.teacher import find_weights
from training.distillation.teacher.variational import VariationalMember, fit_variational_member


def test_rating_levels_are_the_distinct_ratings() -> None:
    stars, level = rating_levels(np.array([4, 0.5, 4, 5], dtype=np.float32))
    assert stars.tolist() == [0.5, 4, 5]
    assert level.tolist() == [1, 0, 1, 2]


def test_rating_levels_bin_a_continuous_scale() -> None:
    ratings = np.linspace(0, 5, 1_000, dtype=np.float32)
    stars, level = rating_levels(ratings)
    assert stars.size == 20
    assert (np.diff(stars) > 0).all()
    assert abs(stars[level] - ratings).max() < 0.2


def test_genre_features_encode_genres_and_decades() -> None:
    titles = {"movie_2": Movie("Heat (1995)", ("Action", "Crime")), "movie_1": Movie("Untitled", ("Crime",))}
    features = genre_features(["movie_1", "movie_2", "movie_3"], titles)
    # Action, Crime, decade 1990.
    assert features is not None
    assert features.tolist() == [[0, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert genre_features(["movie_1"], {}) is None


def test_kernels_match_their_definition() -> None:
    observed = Observed.of(tiny_dataset())
    genres = np.eye(observed.movies, 3, dtype=np.float32)
    settings = BayesianFactorsSettings(
        intercept_scale=10, implicit_scale=0.3, genre_scale=0.5, kernel_rank=99
    )
    users, movies = side_kernels(observed, genres, settings, seed=0)
    rated = np.zeros((observed.users, observed.movies))
    rated[observed.user_index, observed.movie_index] = 1
    by_user = rated / np.sqrt(np.maximum(rated.sum(axis=1, keepdims=True), 1))
    by_movie = rated.T / np.sqrt(np.maximum(rated.sum(axis=0)[:, None], 1))
    expected = 10 + 0.3 * by_user @ by_user.T, 10 + 0.5 * genres @ genres.T + 0.3 * by_movie @ by_movie.T
    for kernel, whole in zip((users, movies), expected, strict=True):
        found = (kernel.vectors * kernel.values) @ kernel.vectors.T
        np.testing.assert_allclose(found, whole, atol=2e-3)


@pytest.mark.parametrize("noise", ["ordinal", "gaussian"])
def test_sampler_fits_the_ratings_and_is_reproducible(noise: str) -> None:
    observed = Observed.of(tiny_dataset())
    settings = BayesianFactorsSettings.model_validate(
        {"noise": noise, "rank": 4, "sweeps": 30, "burn_in": 10, "thin": 2, "kernel_rank": 8}
    )
    rounds: list[int] = []
    first = fit_bayesian_factors(
        observed,
        side_kernels(observed, None, settings, seed=3),
        settings,
        seed=3,
        on_round=lambda done, _: rounds.append(done),
    )
    again = fit_bayesian_factors(observed, side_kernels(observed, None, settings, seed=3), settings, seed=3)
    assert rounds == list(range(1, 31))
    assert len(first.states) == 10
    everything = slice(0, observed.users), slice(0, observed.movies)
    stars = first.predict(*everything)
    assert np.array_equal(stars, again.predict(*everything))
    assert np.array_equal(stars, BayesianFactors(**vars(first)).predict(*everything))
    some = np.array([1, 4])
    np.testing.assert_allclose(first.predict(slice(5, 9), some), stars[5:9, some], atol=1e-2)
    pairs = first.predict_pairs(observed.user_index, observed.movie_index)
    np.testing.assert_allclose(pairs, stars[observed.user_index, observed.movie_index], atol=1e-2)
    errors = stars[observed.user_index, observed.movie_index] - observed.ratings
    assert np.mean(errors**2) < 0.6 * observed.ratings.var()
    assert stars.min() >= 1 - 1e-4
    assert stars.max() <= 5 + 1e-4


def test_sampler_accepts_identical_ratings() -> None:
    observed = Observed.of(tiny_dataset())
    alike = Observed(**{**vars(observed), "ratings": np.full(len(observed), 3, dtype=np.float32)})
    settings = BayesianFactorsSettings(rank=2, sweeps=3, burn_in=1, thin=1, kernel_rank=4)
    stars = fit_bayesian_factors(
        alike, side_kernels(alike, None, settings, seed=0), settings, seed=0
    ).predict(slice(0, 3), slice(0, 9))
    np.testing.assert_allclose(stars, 3)


def test_auto_encoder_fits_the_ratings_and_is_reproducible() -> None:
    observed = Observed.of(tiny_dataset())
    settings = AutoEncoderSettings(hidden=16, epochs=60, batch_size=16, learning_rate=0.02)
    first = fit_auto_encoder(observed, settings, seed=1)
    everything = slice(0, observed.users), slice(0, observed.movies)
    stars = first.predict(*everything)
    assert np.array_equal(stars, fit_auto_encoder(observed, settings, seed=1).predict(*everything))
    some = np.array([1, 4])
    np.testing.assert_allclose(
        AutoEncoder(**vars(first)).predict(slice(4, 6), some), stars[4:6, some], rtol=1e-6
    )
    pairs = first.predict_pairs(observed.user_index, observed.movie_index)
    np.testing.assert_allclose(pairs, stars[observed.user_index, observed.movie_index], rtol=1e-5)
    errors = stars[observed.user_index, observed.movie_index] - observed.ratings
    assert np.mean(errors**2) < 0.5 * observed.ratings.var()


def test_variational_member_fits_the_ratings_and_is_reproducible() -> None:
    observed = Observed.of(tiny_dataset())
    settings = VariationalSettings(rank=4, rounds=20)
    rounds: list[int] = []
    first = fit_variational_member(observed, settings, seed=1, on_round=lambda done, *_: rounds.append(done))
    assert rounds == list(range(1, len(rounds) + 1))
    everything = slice(0, observed.users), slice(0, observed.movies)
    stars = first.predict(*everything)
    assert np.array_equal(stars, fit_variational_member(observed, settings, seed=1).predict(*everything))
    some = np.array([1, 4])
    again = VariationalMember(**vars(first))
    np.testing.assert_allclose(again.predict(slice(4, 6), some), stars[4:6, some], rtol=1e-6)
    pairs = first.predict_pairs(observed.user_index, observed.movie_index)
    np.testing.assert_allclose(pairs, stars[observed.user_index, observed.movie_index], rtol=1e-5)
    assert np.mean((pairs - observed.ratings) ** 2) < observed.ratings.var()


def test_blend_weights_match_a_hand_computed_example() -> None:
    # Errors of opposite sign cancel out; a third member with large errors gets no weight.
    ratings = np.array([3, 3, 3, 3], dtype=np.float32)
    first = ratings + np.array([1, 1, -1, -1], dtype=np.float32)
    second = ratings - np.array([1, 1, -1, -1], dtype=np.float32)
    assert find_weights(np.stack([first, second, ratings + 9]), ratings) == (0.5, 0.5, 0)


def test_blend_gives_all_weight_to_the_better_of_two_correlated_members() -> None:
    ratings = np.zeros(3, dtype=np.float32)
    assert find_weights(np.stack([ratings + 2, ratings + 1]), ratings) == (0, 1)
    assert find_weights(np.stack([ratings + 1]), ratings) == (1,)
