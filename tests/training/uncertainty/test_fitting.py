"""Distributions of ratings around predictions, fitted on held-out rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.artefact.fallback import Fallback
from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.rating_scale import RatingScale
from training.artefact.uncertainty import CLASSES, FIFTHS, Spreads, Uncertainty, fifth_of, packed_bytes
from training.data.dataset import Dataset, Examples, make_dataset
from training.data.table import RatingsTable
from training.fit.calibration import (
    coverage,
    distance_from_uniform,
    levels_of,
    log_likelihood,
    randomised_pit,
)
from training.uncertainty.fitting import fit_uncertainty, for_other_split

USERS, MOVIES, ROWS = 200, 100, 20_000
LEVELS = np.arange(1.0, 6.0)


def made_up(step: float | None = 1.0) -> tuple[Dataset, NDArray[np.float32]]:
    """Return a split data set, and the `(USERS, MOVIES)` means of its ratings.

    The ratings of every other user are spread three times as much.
    """
    random = np.random.default_rng(3)
    pairs = random.permutation(USERS * MOVIES)[:ROWS]
    user, movie = (index.astype(np.int32) for index in np.divmod(pairs, MOVIES))
    means = random.uniform(2, 4, (USERS, MOVIES)).astype(np.float32)
    noise = random.normal(size=ROWS) * np.where(user % 2, 0.4, 1.2)
    given = means[user, movie] + noise
    ratings = np.clip(given if step is None else np.round(given), 1, 5).astype(np.float32)
    table = RatingsTable(
        name="made-up",
        layout="csv",
        path=Path("made_up.csv"),
        sha256="0" * 64,
        licence="made up for tests",
        redistributable=True,
        users=Vocabulary.from_numbers(np.arange(USERS), "user_"),
        movies=Vocabulary.from_numbers(np.arange(MOVIES), "movie_"),
        user_index=user,
        movie_index=movie,
        ratings=ratings,
        timestamps=None,
        titles={},
        scale=RatingScale(1, 5, step),
    )
    return make_dataset(table, "random", 0, 0.2), means


def number(vocabulary: Vocabulary) -> NDArray[np.int64]:
    return np.array([int(vocabulary[place].split("_")[1]) for place in range(len(vocabulary))])


@pytest.fixture(scope="module")
def fitted() -> tuple[Uncertainty, Dataset, NDArray[np.float32]]:
    dataset, by_number = made_up()
    means = by_number[number(dataset.users)][:, number(dataset.movies)]
    fallback = Fallback(3.0, np.full(USERS, 3.0, np.float32), np.full(MOVIES, 3.0, np.float32))
    found = fit_uncertainty(lambda user, movie: means[user, movie], fallback, dataset)
    assert found is not None
    return found, dataset, means


def distributions(
    fitted: tuple[Uncertainty, Dataset, NDArray[np.float32]], rows: Examples
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    uncertainty, _, means = fitted
    rated = means[rows.user_index, rows.movie_index]
    found = uncertainty.cumulative(rows.user_index, rows.movie_index, rated)
    return found, levels_of(LEVELS, rows.ratings)


def test_test_rows_are_uniform_under_the_fitted_distributions(
    fitted: tuple[Uncertainty, Dataset, NDArray[np.float32]],
) -> None:
    uncertainty, dataset, _ = fitted
    cumulative, level = distributions(fitted, dataset.test)
    transformed = randomised_pit(cumulative, level, 0)
    noisy = number(dataset.users)[dataset.test.user_index] % 2 == 0
    for own in (transformed, transformed[noisy], transformed[~noisy]):
        assert distance_from_uniform(own) < 0.05
    for nominal in (0.5, 0.8, 0.95):
        assert coverage(uncertainty, cumulative, dataset.test.ratings, nominal).observed > nominal - 0.01


def test_users_with_noisy_ratings_get_wider_intervals(
    fitted: tuple[Uncertainty, Dataset, NDArray[np.float32]],
) -> None:
    uncertainty, dataset, _ = fitted
    cumulative, level = distributions(fitted, dataset.test)
    low, high = uncertainty.interval(cumulative, 0.8)
    noisy = number(dataset.users)[dataset.test.user_index] % 2 == 0
    assert (high - low)[noisy].mean() > 1.5 * (high - low)[~noisy].mean()
    assert log_likelihood(cumulative, level).mean() > -1.2


def test_distribution_has_the_predicted_mean_apart_from_the_shift() -> None:
    zeros = np.zeros(CLASSES)
    spreads = Spreads(LEVELS, np.array([-2.0, -1.0, 1.0, 2.0]), zeros, zeros, np.zeros(FIFTHS), np.zeros(3))
    uncertainty = Uncertainty(spreads, np.zeros(3, np.uint8), np.zeros(2, np.uint8))
    ratings = np.array([1.2, 2.5, 4.9], np.float32)
    cumulative = uncertainty.cumulative(np.arange(3, dtype=np.int32), np.zeros(3, np.int32), ratings)
    probabilities = np.diff(cumulative, axis=1, prepend=0)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities @ LEVELS, ratings, atol=1e-3)


def test_interval_ends_at_the_lowest_levels_that_reach_the_probabilities(
    fitted: tuple[Uncertainty, Dataset, NDArray[np.float32]],
) -> None:
    cumulative = np.array([[0.1, 0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.26, 0.7, 1.0]])
    low, high = fitted[0].interval(cumulative, 0.5)
    assert low.tolist() == [2, 3] and high.tolist() == [4, 5]


@pytest.mark.parametrize("users", [0, 1, 4, 5])
def test_classes_survive_packing(users: int) -> None:
    zeros = np.zeros(CLASSES)
    spreads = Spreads(LEVELS, np.arange(4.0), zeros, zeros, np.zeros(FIFTHS), np.zeros(3))
    own = np.arange(users, dtype=np.uint8) % CLASSES
    movies = np.array([3, 2, 1], np.uint8)
    content = Uncertainty(spreads, own, movies).to_bytes()
    assert len(content) == packed_bytes(users) + 1
    read = Uncertainty.from_bytes(content, spreads, users, 3)
    assert read.user_classes.tolist() == own.tolist() and read.movie_classes.tolist() == [3, 2, 1]
    with pytest.raises(ValueError, match="two bits for each warm id"):
        Uncertainty.from_bytes(content + b"\0", spreads, users, 3)


def test_fifths_are_equally_large() -> None:
    assert np.bincount(fifth_of(np.arange(23), 23)).tolist() == [5, 5, 4, 5, 4]
    assert np.all(np.diff(fifth_of(np.arange(100), 100)) >= 0)
    # A product of an int32 index and 5 would overflow.
    assert fifth_of(np.array([2**31 - 1], np.int32), 2**31).tolist() == [4]


def test_shift_moves_the_ratings_of_its_fifth_alone() -> None:
    zeros, shifts = np.zeros(CLASSES), np.array([0.0, 0.0, 0.0, 0.0, 1.0])
    spreads = Spreads(LEVELS, np.array([-2.0, -1.0, 1.0, 2.0]), zeros, zeros, shifts, np.zeros(3))
    uncertainty = Uncertainty(spreads, np.zeros(10, np.uint8), np.zeros(1, np.uint8))
    # The last fifth of ten users are the last two; an unknown user has no shift.
    users = np.array([0, 7, 8, 9, -1], np.int32)
    cumulative = uncertainty.cumulative(users, np.zeros(5, np.int32), np.full(5, 3.0))
    means = np.diff(cumulative, axis=1, prepend=0) @ LEVELS
    np.testing.assert_allclose(means[[0, 1, 4]], 3, atol=1e-6)
    assert means[2] == means[3] > 3.3


def test_few_users_say_little_about_classes() -> None:
    """Half of the users are noisy. The log scales differ less if only the rows of 20 of them are known."""
    dataset, by_number = made_up()
    means = by_number[number(dataset.users)][:, number(dataset.movies)]
    fallback = Fallback(3.0, np.full(USERS, 3.0, np.float32), np.full(MOVIES, 3.0, np.float32))
    rows = dataset.validation
    few = np.isin(rows.user_index, np.arange(20))
    part = Examples(rows.user_index[few], rows.movie_index[few], rows.ratings[few])
    widths = []
    for validation in (rows, part):
        found = fit_uncertainty(
            lambda user, movie: means[user, movie], fallback, replace(dataset, validation=validation)
        )
        assert found is not None
        widths.append(np.ptp(found.spreads.users))
    assert widths[1] < 0.7 * widths[0]


def test_cold_validation_rows_determine_the_scale_of_cold_pairs() -> None:
    """Ratings of cold movies are spread more than the ratings of others whose movie is hidden."""
    dataset, by_number = made_up()
    means = by_number[number(dataset.users)][:, number(dataset.movies)]
    fallback = Fallback(3.0, np.full(USERS, 3.0, np.float32), np.full(MOVIES, 3.0, np.float32))
    movies = Vocabulary.from_numbers(number(dataset.movies), "movie_", warm=MOVIES // 2)
    rows = dataset.validation
    cold = rows.movie_index >= movies.warm
    extreme = np.where(np.arange(len(rows)) % 2, 1, 5).astype(np.float32)
    ratings = np.where(cold, extreme, rows.ratings)
    validation = Examples(rows.user_index, rows.movie_index, ratings)
    train = dataset.train
    kept = train.movie_index < movies.warm
    part = Examples(train.user_index[kept], train.movie_index[kept], train.ratings[kept])
    found = fit_uncertainty(
        lambda user, movie: means[user, movie],
        fallback,
        replace(dataset, movies=movies, train=part, validation=validation),
    )
    assert found is not None
    _, without_movie, without_both = found.spreads.cold.tolist()
    assert without_movie > without_both + 0.5


def test_cold_pairs_get_the_scales_of_cold_pairs(
    fitted: tuple[Uncertainty, Dataset, NDArray[np.float32]],
) -> None:
    uncertainty = fitted[0]
    kinds = uncertainty.kinds(np.array([-1, 0, -1], np.int32), np.array([0, -1, MOVIES], np.int32))
    assert kinds.tolist() == [CLASSES**2, CLASSES**2 + 1, CLASSES**2 + 2]
    assert uncertainty.spreads.cold.min() > uncertainty.spreads.users.min()


def test_classes_follow_the_ids_into_another_order(
    fitted: tuple[Uncertainty, Dataset, NDArray[np.float32]],
) -> None:
    uncertainty, dataset, _ = fitted
    turned = Vocabulary.from_numbers(number(dataset.users)[::-1], "user_")
    found = for_other_split(uncertainty, (dataset.users, dataset.movies), (turned, dataset.movies))
    assert found.user_classes.tolist() == uncertainty.user_classes[::-1].tolist()
    assert found.movie_classes.tolist() == uncertainty.movie_classes.tolist()


def test_ratings_without_a_step_have_quantiles_as_levels() -> None:
    dataset, by_number = made_up(step=None)
    means = by_number[number(dataset.users)][:, number(dataset.movies)]
    fallback = Fallback(3.0, np.full(USERS, 3.0, np.float32), np.full(MOVIES, 3.0, np.float32))
    found = fit_uncertainty(lambda user, movie: means[user, movie], fallback, dataset)
    assert found is not None
    levels, test = found.spreads.levels, dataset.test
    assert (levels[0], levels[-1]) == (dataset.train.ratings.min(), dataset.train.ratings.max())
    assert 15 <= levels.size <= 21 and np.isin(levels, dataset.train.ratings).all()
    rated = means[test.user_index, test.movie_index]
    cumulative = found.cumulative(test.user_index, test.movie_index, rated)
    measured = coverage(found, cumulative, test.ratings, 0.8)
    assert 0.77 <= measured.observed <= 0.86


def test_equal_ratings_get_no_distribution() -> None:
    dataset, means = made_up()
    same = replace(dataset, train=replace(dataset.train, ratings=np.full_like(dataset.train.ratings, 3)))
    fallback = Fallback(3.0, np.full(USERS, 3.0, np.float32), np.full(MOVIES, 3.0, np.float32))
    assert fit_uncertainty(lambda user, movie: means[user, movie], fallback, same) is None
