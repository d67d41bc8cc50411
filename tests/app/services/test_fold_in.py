"""Fold-in: fitting a new user to a few ratings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scoring.keras_engine import load_keras_engine
from app.scoring.scorer import RatingScorer
from app.scoring.table_engine import load_table_engine
from app.services.fold_in import FoldIn, vector_engine
from training.artefact import open_artefact
from training.artefact.engine import Prior, with_biases


def prior(noise: float = 0.5, bias: float = 0.0, users: int = 200, dim: int = 4) -> Prior:
    vectors = np.random.default_rng(1).normal(0.3, 0.5, (users, dim)).astype(np.float32)
    return Prior.of_users(vectors, noise, bias)


def movies(count: int, dim: int = 4) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(2).normal(0, 1, (count, dim)).astype(np.float32)


def test_without_ratings_the_user_is_the_average_one() -> None:
    average = prior()
    np.testing.assert_allclose(average.fit(movies(0), np.empty(0)), average.mean)


def test_fit_in_one_dimension_equals_the_result_by_hand() -> None:
    # Users at -1 and 1: mean 0, variance 1. One movie at 1, rated 5 sigmoid(0.5), with almost no noise.
    line = Prior.of_users(np.array([[-1], [1]], np.float32), 0.001, 0.0)
    user = line.fit(np.array([[1]], np.float32), np.array([5 / (1 + np.exp(-0.5))]))
    assert user[0] == pytest.approx(0.5, abs=2e-3)
    # With very large noise, the rating carries no information.
    assert Prior.of_users(np.array([[-1], [1]], np.float32), 1e9, 0.0).fit(
        np.array([[1]], np.float32), np.array([5.0])
    )[0] == pytest.approx(0, abs=1e-6)


def test_many_exact_ratings_recover_the_user() -> None:
    known = Prior.of_users(
        np.random.default_rng(1).normal(0, 1, (500, 4)).astype(np.float32), noise=0.001, global_bias=0.2
    )
    truth = np.array([0.8, -0.4, 0.3, 0.1])
    rated = movies(300)
    fitted = known.fit(rated, known.rate(truth, rated).astype(np.float64))
    np.testing.assert_allclose(fitted, truth, atol=0.01)


def test_column_that_all_users_share_is_unchanged() -> None:
    vectors = np.random.default_rng(1).normal(0, 1, (50, 3)).astype(np.float32)
    vectors[:, 1] = 1
    user = Prior.of_users(vectors, 0.5, 0.0).fit(movies(5, 3), np.array([5.0, 1, 2, 4, 3]))
    assert user[1] == pytest.approx(1)


def test_single_trained_user_is_always_returned() -> None:
    alone = Prior.of_users(np.array([[1, 2]], np.float32), 0.5, 0.0)
    np.testing.assert_allclose(alone.fit(movies(3, 2), np.array([5.0, 0, 5])), [1, 2])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 5), min_size=1, max_size=30), st.floats(0.001, 10))
def test_every_fit_is_finite_and_no_worse_than_the_average_user(stars: list[float], noise: float) -> None:
    average = prior(noise)
    rated, given_stars = movies(len(stars)), np.array(stars)
    user = average.fit(rated, given_stars)
    assert np.all(np.isfinite(user))
    off = [np.sum((average.rate(vector, rated) - given_stars) ** 2) for vector in (user, average.mean)]
    assert off[0] <= off[1] + 1e-4


def test_a_higher_rating_of_a_movie_is_a_higher_prediction_for_it() -> None:
    average, rated = prior(), movies(4)
    predicted = [
        average.rate(average.fit(rated, np.array([3.0, 3, 3, stars])), rated)[3] for stars in (1.0, 2.5, 5.0)
    ]
    assert predicted == sorted(predicted) and predicted[0] < predicted[2]


def test_trained_user_without_new_ratings_stays_as_trained() -> None:
    trained = np.array([0.5, 0.1, -0.2, 0.4], np.float32)
    own = prior().of_trained(trained, movies(7))
    np.testing.assert_allclose(own.fit(movies(0), np.empty(0)), trained)


def test_new_ratings_of_a_trained_user_equal_all_ratings_at_once() -> None:
    # The trained vector is the fit to the first ratings, so the prior from it stands for them.
    average, rated = prior(noise=50.0), movies(40)
    truth = average.mean + average.factor @ np.array([0.5, -0.5, 0.3, 0.1])
    stars = average.rate(truth, rated).astype(np.float64)
    trained = average.fit(rated[:20], stars[:20]).astype(np.float32)
    both = average.of_trained(trained, rated[:20]).fit(rated[20:], stars[20:])
    np.testing.assert_allclose(both, average.fit(rated, stars), atol=0.01)
    # Counting the first ratings again would be another vector.
    twice = average.of_trained(trained, rated[:20]).fit(rated, stars)
    assert np.abs(twice - average.fit(rated, stars)).max() > 0.02


def test_more_training_ratings_hold_the_trained_vector_faster() -> None:
    trained, stars = np.array([0.5, 0.1, -0.2, 0.4], np.float32), np.full(3, 1.0)
    moved = [
        np.linalg.norm(prior().of_trained(trained, movies(5), ratings).fit(movies(3), stars) - trained)
        for ratings in (1, 10, 1000)
    ]
    assert moved == sorted(moved, reverse=True) and moved[0] > 2 * moved[2]


@pytest.mark.parametrize("name", ["baseline", "memory_efficient"])
def test_vectors_of_both_engines_give_the_scorer_s_ratings(shared_store: Path, name: str) -> None:
    artefact = open_artefact(shared_store / name)
    for load in (load_table_engine, load_keras_engine):
        scorer = RatingScorer.from_artefact(artefact, load(artefact))
        engine, average = vector_engine(scorer), FoldIn().prior(scorer)
        users, rated = np.arange(scorer.users.warm, dtype=np.int32), np.arange(5, dtype=np.int32)
        for user in users[:3]:
            vector = engine.user_vectors(users)[user].astype(np.float64)
            expected = scorer.score_indices(np.full(5, user, np.int32), rated).ratings
            np.testing.assert_allclose(average.rate(vector, engine.movie_vectors(rated)), expected, atol=1e-5)


def test_biases_are_columns_multiplied_by_ones() -> None:
    user = with_biases(np.array([[1, 2]], np.float32), np.array([0.5], np.float32), 1)
    movie = with_biases(np.array([[3, 4]], np.float32), 1, np.array([0.25], np.float32))
    assert user.tolist() == [[1, 2, 0.5, 1]]
    assert movie.tolist() == [[3, 4, 1, 0.25]]
    assert float(user[0] @ movie[0]) == 1 * 3 + 2 * 4 + 0.5 + 0.25
