from __future__ import annotations

import numpy as np

from training.artefact.fallback import Fallback, damped_means, every_mean


def test_damped_mean_matches_hand_computed_values() -> None:
    # user 0: (5 + 5 + 10 * 3.5) / (2 + 10) = 3.75; user 1 has no rating and gets the global mean.
    means = damped_means(np.array([0, 0]), np.array([5.0, 5.0]), 2, 3.5)
    assert means.tolist() == [3.75, 3.5]


def test_fallback_uses_the_known_side() -> None:
    fallback = Fallback(3.5, np.array([4.0], dtype=np.float32), np.array([2.0, 1.0], dtype=np.float32))
    user = np.array([0, -1, 7, -1], dtype=np.int32)
    movie = np.array([-1, 1, 0, 9], dtype=np.int32)
    assert fallback.rate(user, movie).tolist() == [4.0, 1.0, 2.0, 3.5]


def test_biases_of_the_known_side_match_hand_computed_values() -> None:
    # sigmoid(log 3) = 3/4, sigmoid(log 3 + log 3) = 9/10, sigmoid(0) = 1/2.
    step = np.log(3.0)
    fallback = Fallback.from_biases(
        float(step), np.array([step, 800], dtype=np.float32), np.array([-step], dtype=np.float32)
    )
    assert fallback.by_biases
    user = np.array([0, 1, -1, -1], dtype=np.int32)
    movie = np.array([-1, -1, 0, -1], dtype=np.int32)
    np.testing.assert_allclose(fallback.rate(user, movie), [4.5, 5.0, 2.5, 3.75], atol=1e-6)
    np.testing.assert_allclose(every_mean(fallback.user_means), [4.5, 5.0], atol=1e-6)


def test_nbytes_counts_only_own_arrays() -> None:
    weights = np.zeros((4, 1), dtype=np.float32)
    own = np.zeros(3, dtype=np.float32)
    assert Fallback.from_biases(0.0, weights[:, 0], own).nbytes == 12
    assert Fallback(3.0, own, own.copy()).nbytes == 24


def test_every_mean_returns_a_writable_copy() -> None:
    means = np.array([4.0, 2.0], dtype=np.float32)
    every_mean(means)[0] = 0
    assert means.tolist() == [4.0, 2.0]
