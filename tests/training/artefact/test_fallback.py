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
