"""The compiled loops return what plain NumPy does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.distillation.base.loops import (
    add_expected,
    cut_point_slopes,
    dot_products,
    draw_latent,
    draw_rows,
    expected_stars,
    normal_cdf,
    normal_quantile,
    sum_rows,
)

# Three ratings of the first of three ids, none of the second, one of the third.
ENDS = np.array([0, 3, 3, 4])
OTHER_INDEX = np.array([0, 2, 1, 2], dtype=np.int32)
BOUNDS = np.array([-50.0, -0.5, 1.0, 50.0])


def floats(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_normal_distribution_matches_known_values() -> None:
    for x, probability in ((0, 0.5), (1.96, 0.9750021), (-40, 0), (40, 1)):
        assert normal_cdf(x) == pytest.approx(probability, abs=1e-7)
    for probability, x in ((0.5, 0), (0.975, 1.959964), (0.001, -3.090232), (1 - 1e-9, 5.997807)):
        assert normal_quantile(probability) == pytest.approx(x, abs=1e-5)


def test_dot_products_include_both_biases() -> None:
    users = np.array([[1, 2, 10], [3, 4, 20]], dtype=np.float32)
    movies = np.array([[5, 6, 100], [7, 8, 200]], dtype=np.float32)
    # 3 * 5 + 4 * 6 + 20 + 100 and 1 * 7 + 2 * 8 + 10 + 200.
    assert dot_products(users, movies, np.array([1, 0]), np.array([0, 1])).tolist() == [159, 233]


def test_sum_rows_matches_a_hand_computed_example() -> None:
    table = np.array([[1, 2], [10, 20], [100, 200]], dtype=np.float32)
    assert sum_rows(ENDS, OTHER_INDEX, table).tolist() == [[111, 222], [0, 0], [100, 200]]
    # The ends of a range of rows do not start at 0.
    assert sum_rows(ENDS[1:], OTHER_INDEX, table).tolist() == [[0, 0], [100, 200]]


@pytest.mark.parametrize("trusted", [False, True])
def test_rows_are_drawn_from_their_conditional_distribution(trusted: bool) -> None:
    other, target, pull, noise = floats(3, 4), floats(4, seed=1), floats(3, 4, seed=2), floats(3, 4, seed=3)
    trust = np.array([0.5, 2, 1, 3], dtype=np.float32) if trusted else np.empty(0, dtype=np.float32)
    precision = np.diag([1, 2, 3, 4]).astype(np.float32) + np.float32(0.5)
    drawn = draw_rows(ENDS, OTHER_INDEX, other, target, trust, pull, precision, noise)
    for row in range(3):
        own = slice(ENDS[row], ENDS[row + 1])
        x = other[OTHER_INDEX[own]].copy()
        rest = target[own] - x[:, -1]
        x[:, -1] = 1
        weights = trust[own] if trusted else np.ones(len(x), dtype=np.float32)
        matrix = precision + (x * weights[:, None]).T @ x
        mean = np.linalg.solve(matrix, pull[row] + x.T @ (weights * rest))
        expected = mean + np.linalg.solve(np.linalg.cholesky(matrix).T, noise[row])
        np.testing.assert_allclose(drawn[row], expected, atol=1e-5)


def test_latent_matches_are_drawn_between_the_bounds_of_their_level() -> None:
    match, level = floats(3_000), np.random.default_rng(1).integers(0, 3, 3_000)
    uniform = np.random.default_rng(2).random(3_000)
    latent = draw_latent(match, level, BOUNDS, uniform)
    assert (latent >= BOUNDS[level] - 1e-4).all()
    assert (latent <= BOUNDS[level + 1] + 1e-4).all()
    # The share of the interval's probability that is below the draw is the uniform number.
    for rating in range(0, 3_000, 300):
        low, high, found = (
            normal_cdf(float(x - match[rating]))
            for x in (BOUNDS[level[rating]], BOUNDS[level[rating] + 1], latent[rating])
        )
        if high - low > 1e-3:
            assert (found - low) / (high - low) == pytest.approx(uniform[rating], abs=1e-3)


def test_slopes_of_cut_points_match_finite_differences_of_the_likelihood() -> None:
    match, level = floats(200), np.random.default_rng(1).integers(0, 3, 200)

    def likelihood(bounds: NDArray[np.float64]) -> float:
        return sum(
            math.log(normal_cdf(bounds[own + 1] - float(centre)) - normal_cdf(bounds[own] - float(centre)))
            for own, centre in zip(level.tolist(), match, strict=True)
        )

    slopes, curvatures = cut_point_slopes(match, level, BOUNDS)
    for cut in (1, 2):
        step = np.zeros(4)
        step[cut] = 1e-4
        difference = (likelihood(BOUNDS + step) - likelihood(BOUNDS - step)) / 2e-4
        assert slopes[cut] == pytest.approx(difference, rel=1e-3)
    assert (curvatures[1:3] > 0).all()


def test_expected_stars_match_hand_computed_values() -> None:
    # One cut point at 0 between 1 and 5 stars: both are equally likely at 0, and one is certain far away.
    table = expected_stars(np.array([0.0]), np.array([1.0, 5.0]), 2_001)
    assert table[[0, 1_000, 2_000]] == pytest.approx([1, 3, 5], abs=1e-5)
    total = np.ones(5, dtype=np.float32)
    add_expected(total, np.array([-99, -9, 0.001, 9, 99], dtype=np.float32), table)
    assert total == pytest.approx([2, 2, 4, 6, 6], abs=1e-5)


def test_loops_release_the_lock_of_python() -> None:
    loops: list[Any] = [draw_rows, dot_products, sum_rows, draw_latent, cut_point_slopes, add_expected]
    assert all(loop.targetoptions["nogil"] for loop in loops)
