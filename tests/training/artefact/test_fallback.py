from __future__ import annotations

import numpy as np

from training.artefact.fallback import Fallback, damped_means


def test_damped_mean_by_hand() -> None:
    # user 0: (5 + 5 + 10 * 3.5) / (2 + 10) = 3.75; user 1 has no rating and gets the global mean.
    means = damped_means(np.array([0, 0]), np.array([5.0, 5.0]), 2, 3.5)
    assert means.tolist() == [3.75, 3.5]


def test_the_known_half_answers() -> None:
    fallback = Fallback(3.5, np.array([4.0], dtype=np.float32), np.array([2.0, 1.0], dtype=np.float32))
    user = np.array([0, -1, 7, -1], dtype=np.int32)
    movie = np.array([-1, 1, 0, 9], dtype=np.int32)
    assert fallback.rate(user, movie).tolist() == [4.0, 1.0, 2.0, 3.5]


def test_biases_say_the_known_half_by_hand() -> None:
    # sigmoid(log 3) = 3/4, sigmoid(log 3 + log 3) = 9/10, sigmoid(0) = 1/2.
    step = np.log(3.0)
    fallback = Fallback.from_biases(
        float(step), np.array([step, 800], dtype=np.float32), np.array([-step], dtype=np.float32)
    )
    assert fallback.by_biases
    user = np.array([0, 1, -1, -1], dtype=np.int32)
    movie = np.array([-1, -1, 0, -1], dtype=np.int32)
    np.testing.assert_allclose(fallback.rate(user, movie), [4.5, 5.0, 2.5, 3.75], atol=1e-6)
