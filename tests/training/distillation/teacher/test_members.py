from __future__ import annotations

import numpy as np
import pytest

from tests.builders import tiny_dataset
from training.data.table import Movie
from training.distillation.base.observed import Observed, rating_levels, tiles
from training.distillation.base.settings import AutoEncoderSettings, BayesianFactorsSettings
from training.distillation.teacher.auto_encoder import AutoEncoder, fit_auto_encoder
from training.distillation.teacher.bayesian_factors import BayesianFactors, fit_bayesian_factors
from training.distillation.teacher.kernel import genre_features, side_kernels
from training.distillation.teacher.noise import normal_cdf, normal_quantile, ordinal_stars
from training.distillation.teacher.teacher import find_weights


def test_normal_distribution_matches_known_values() -> None:
    np.testing.assert_allclose(normal_cdf([0, 1.96, -40, 40]), [0.5, 0.9750021, 0, 1], atol=1e-6)
    probabilities = np.array([0.5, 0.975, 0.001, 1 - 1e-9])
    np.testing.assert_allclose(normal_quantile(probabilities), [0, 1.959964, -3.090232, 5.997807], atol=1e-5)


def test_expected_stars_match_hand_computed_values() -> None:
    # One cut point at 0 between 1 and 5 stars: both are equally likely at 0, and one is certain far away.
    stars = ordinal_stars(
        np.array([-9.0, 0.0, 9.0], dtype=np.float32), np.array([0.0], dtype=np.float32), np.array([1.0, 5.0])
    )
    np.testing.assert_allclose(stars, [1, 3, 5], atol=1e-5)


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


def test_tiles_contain_every_rating_once() -> None:
    observed = Observed.of(tiny_dataset())
    dense = np.concatenate([observed.tile(rows, observed.ratings) for rows in tiles(observed.users, 7)])
    assert dense.shape == (observed.users, observed.movies)
    assert np.count_nonzero(dense) == len(observed)
    assert np.array_equal(dense[observed.user_index, observed.movie_index], observed.ratings)


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
    users, movies = side_kernels(observed, genres, settings, tile_users=8, seed=0)
    rated = observed.tile(slice(0, observed.users))
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
        observed, None, settings, tile_users=9, seed=3, on_round=lambda done, _: rounds.append(done)
    )
    again = fit_bayesian_factors(observed, None, settings, tile_users=9, seed=3)
    assert rounds == list(range(1, 31))
    assert len(first.states) == 10
    all_users = slice(0, observed.users)
    stars = first.predict(all_users)
    assert np.array_equal(stars, again.predict(all_users))
    assert np.array_equal(stars, BayesianFactors(**vars(first)).predict(all_users))
    np.testing.assert_array_equal(first.predict(slice(5, 9)), stars[5:9])
    errors = stars[observed.user_index, observed.movie_index] - observed.ratings
    assert np.mean(errors**2) < 0.6 * observed.ratings.var()
    assert stars.min() >= 1 - 1e-4
    assert stars.max() <= 5 + 1e-4


def test_sampler_accepts_identical_ratings() -> None:
    observed = Observed.of(tiny_dataset())
    alike = Observed(**{**vars(observed), "ratings": np.full(len(observed), 3, dtype=np.float32)})
    settings = BayesianFactorsSettings(rank=2, sweeps=3, burn_in=1, thin=1, kernel_rank=4)
    stars = fit_bayesian_factors(alike, None, settings, tile_users=64, seed=0).predict(slice(0, 3))
    np.testing.assert_allclose(stars, 3)


def test_auto_encoder_fits_the_ratings_and_is_reproducible() -> None:
    observed = Observed.of(tiny_dataset())
    settings = AutoEncoderSettings(hidden=16, epochs=60, batch_size=16, learning_rate=0.02)
    first = fit_auto_encoder(observed, settings, seed=1)
    stars = first.predict(slice(0, observed.users))
    assert np.array_equal(
        stars, fit_auto_encoder(observed, settings, seed=1).predict(slice(0, observed.users))
    )
    assert np.array_equal(stars[4:6], AutoEncoder(**vars(first)).predict(slice(4, 6)))
    errors = stars[observed.user_index, observed.movie_index] - observed.ratings
    assert np.mean(errors**2) < 0.5 * observed.ratings.var()


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
