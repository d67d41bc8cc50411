from __future__ import annotations

import numpy as np
import pytest

from tests.builders import tiny_dataset
from training.artefact import Fallback
from training.data.dataset import Examples
from training.fit.evaluation import (
    biases_only,
    errors,
    evaluate,
    evaluate_examples,
    fit_fallback,
    predict_all,
    train_mean,
)


def test_errors_match_hand_computed_values() -> None:
    found = errors(np.array([5, 1, 3], dtype=np.float32), np.array([4.0, 3.0, 3.0]))
    assert found.mse == pytest.approx(5 / 3)
    assert found.rmse == pytest.approx((5 / 3) ** 0.5)
    assert found.mae == pytest.approx(1.0)


def test_cold_rows_are_predicted_by_the_fallback_and_counted() -> None:
    fallback = Fallback(3.0, np.array([4.0], dtype=np.float32), np.array([2.0], dtype=np.float32))
    # A warm pair, a cold movie, a cold user, both unknown.
    examples = Examples(
        np.array([0, 0, 1, -1], dtype=np.int32),
        np.array([0, 1, 0, -1], dtype=np.int32),
        np.zeros(4, dtype=np.float32),
    )
    rated, cold = predict_all(
        lambda user, movie: np.full(user.size, 5.0, np.float32), fallback, examples, 1, 1
    )
    assert rated.tolist() == [5.0, 4.0, 2.0, 3.0]
    assert cold.tolist() == [False, True, True, True]


def test_evaluate_covers_every_test_row() -> None:
    dataset = tiny_dataset()
    fallback = fit_fallback(dataset)
    assert fallback.global_mean == pytest.approx(float(dataset.train.ratings.mean()), abs=1e-5)

    def global_mean(user: np.ndarray, movie: np.ndarray) -> np.ndarray:
        return np.full(user.size, fallback.global_mean, np.float32)

    found = evaluate(global_mean, fallback, dataset)
    cold_user = dataset.test.user_index >= dataset.users.warm
    cold_movie = dataset.test.movie_index >= dataset.movies.warm
    assert found.test_rows == len(dataset.test)
    assert found.cold_rows == int(np.count_nonzero(cold_user | cold_movie)) > 0
    # Cold rows get the mean of the known side, which is closer than the global mean that warm rows get.
    assert found.mse < found.global_mean_mse


def test_parts_of_the_test_rows_add_up_and_have_the_errors_of_their_rows() -> None:
    dataset = tiny_dataset()
    fallback = fit_fallback(dataset)

    def four(user: np.ndarray, movie: np.ndarray) -> np.ndarray:
        return np.full(user.size, 4.0, np.float32)

    found = evaluate(four, fallback, dataset)
    assert found.parts is not None
    test, mean = dataset.test, train_mean(dataset)
    cold_user, cold_movie = test.user_index >= dataset.users.warm, test.movie_index >= dataset.movies.warm
    masks = {
        "warm": ~cold_user & ~cold_movie,
        "cold user": cold_user & ~cold_movie,
        "cold movie": ~cold_user & cold_movie,
        "both cold": cold_user & cold_movie,
    }
    assert [part.part for part in found.parts] == [name for name, rows in masks.items() if rows.any()]
    assert len(found.parts) >= 3
    biases = biases_only(dataset)
    for part in found.parts:
        rows = masks[part.part]
        assert part.rows == rows.sum()
        assert part.global_mean_mse == pytest.approx(
            errors(test.ratings[rows], np.full(rows.sum(), mean)).mse
        )
        assert part.biases_only_mse == pytest.approx(errors(test.ratings[rows], biases[rows]).mse)
    warm = test.ratings[masks["warm"]]
    assert found.parts[0].mse == pytest.approx(errors(warm, np.full(warm.size, 4.0)).mse)
    for column, every in (
        ("mse", found.mse),
        ("global_mean_mse", found.global_mean_mse),
        ("biases_only_mse", found.biases_only_mse),
    ):
        total = sum(part.rows * getattr(part, column) for part in found.parts)
        assert total / found.test_rows == pytest.approx(every)


def test_biases_only_beats_a_constant_and_is_clipped() -> None:
    dataset = tiny_dataset()
    mse = errors(dataset.test.ratings, biases_only(dataset)).mse
    assert mse < errors(dataset.test.ratings, np.full(len(dataset.test), 0.0)).mse
    assert np.all((biases_only(dataset) >= 0) & (biases_only(dataset) <= 5))


def test_errors_over_time_are_of_parts_with_as_many_rows() -> None:
    fallback = Fallback(3.0, np.array([3.0], dtype=np.float32), np.array([3.0], dtype=np.float32))
    # Rows in the order of the file; in that of time, the ratings are 1, 2, 3, 4, 5, and the prediction is 3.
    ratings, times = np.array([5, 1, 4, 2, 3], dtype=np.float32), np.array([50, 10, 40, 20, 30])
    nobody = np.full(5, -1, dtype=np.int32)
    dataset = tiny_dataset()
    examples = Examples(nobody, nobody, ratings)

    def periods(times: np.ndarray | None) -> list[tuple[float, ...]]:
        found = evaluate_examples(
            lambda user, _: np.zeros(user.size, np.float32),
            fallback,
            examples,
            dataset.users,
            dataset.movies,
            times=times,
        )
        return [tuple(vars(period).values()) for period in found.periods]

    assert periods(times) == [
        (10, 10, 1, 2.0, 4.0),
        (20, 20, 1, 1.0, 1.0),
        (30, 30, 1, 0.0, 0.0),
        (40, 40, 1, -1.0, 1.0),
        (50, 50, 1, -2.0, 4.0),
    ]
    assert periods(None) == []
