from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.compress.quantisation import (
    best_step,
    best_steps,
    encode,
    measured_distortion,
    pack_table,
    round_to,
)

Array = np.ndarray[Any, Any]


def floats(*values: float) -> Array:
    return np.array(values, dtype=np.float32)


def test_rounding_matches_hand_computed_codes() -> None:
    # Two bits, step 1: the values are -1.5, -0.5, 0.5 and 1.5; anything outside is clipped.
    values = floats(-9, -1.2, -0.1, 0, 0.99, 1.01, 7)
    assert encode(values, 1.0, 2).tolist() == [0, 0, 1, 2, 2, 3, 3]
    assert round_to(values, 1.0, 2).tolist() == [-1.5, -1.5, -0.5, 0.5, 0.5, 1.5, 1.5]
    assert round_to(values, 1.0, 0).tolist() == [0] * 7


def test_one_bit_represents_two_opposite_values() -> None:
    values = floats(3, -3, 3)
    step = best_step(values, 1)
    # The optimal multiple of the spread is 2; the nearest candidate differs by at most half a grid step.
    assert step == pytest.approx(6, rel=0.04)
    assert np.sign(round_to(values, step, 1)).tolist() == [1, -1, 1]


def test_best_step_is_a_float16_and_depends_on_weights() -> None:
    values = np.random.default_rng(0).standard_normal(200).astype(np.float32)
    values[0] = 100
    unweighted_outlier = best_step(values, 3, np.r_[0, np.ones(199)].astype(np.float32))
    assert unweighted_outlier < best_step(values, 3)
    assert np.float16(unweighted_outlier) == unweighted_outlier


def test_best_step_is_positive_for_zeros() -> None:
    assert best_step(floats(0, 0), 4) > 0


def test_distortion_decreases_with_the_width() -> None:
    random = np.random.default_rng(0)
    table, weights = random.standard_normal((40, 3)), random.random((40, 3))
    cost = measured_distortion(table.astype(np.float32), weights.astype(np.float32), (16, 24))
    assert cost.shape == (2, 3, 9)
    assert (np.diff(cost, axis=2) < 0).all()
    np.testing.assert_allclose(cost[0, :, 0], (weights[:16] * table[:16] ** 2).sum(axis=0), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_packing_is_idempotent(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.standard_normal((11, 3)).astype(np.float32)
    widths = random.integers(0, 9, (2, 3)).astype(np.uint8)
    steps = best_steps(table, widths, (8, 3))
    once = pack_table(table, widths, steps, (8, 3))
    again = pack_table(once.values(), widths, steps, (8, 3))
    assert np.array_equal(once.codes, again.codes)
    # The packed values are those of the rounding itself.
    rows = np.repeat(widths, (8, 3), axis=0), np.repeat(steps, (8, 3), axis=0)
    assert np.array_equal(once.values(), round_to(table, rows[1], rows[0]))
