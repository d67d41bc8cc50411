from __future__ import annotations

import numpy as np
import pytest

from training.fit.resampling import bootstrap

USERS = np.repeat(np.arange(400), 5)


def test_the_deviation_is_that_of_a_mean_over_users() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(size=400)
    values = np.repeat(own, 5)
    found = bootstrap({"errors": values}, USERS, 2000, seed=1)["errors"]
    assert found.mean == pytest.approx(values.mean())
    # All rows of a user are equal, so that rows drawn one by one would give less than half of it.
    assert found.deviation == pytest.approx(own.std() / 400**0.5, rel=0.08)
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.deviation, rel=0.08)
    assert found.low < found.mean < found.high


def test_all_values_share_the_draws() -> None:
    values = np.random.default_rng(0).normal(size=USERS.size)
    found = bootstrap({"one": values, "other": values + 1, "difference": 1 + 0 * values}, USERS, 60, seed=0)
    assert found["other"].low == pytest.approx(found["one"].low + 1)
    assert (found["difference"].low, found["difference"].high) == pytest.approx((1, 1))
    assert found == bootstrap(
        {"one": values, "other": values + 1, "difference": 1 + 0 * values}, USERS, 60, seed=0
    )


def test_users_need_not_be_numbered_from_zero_or_have_equally_many_rows() -> None:
    found = bootstrap({"errors": np.array([1.0, 1.0, 4.0])}, np.array([7, 7, 1_000_000]), 400, seed=0)
    assert found["errors"].mean == 2
    assert (found["errors"].low, found["errors"].high) == (1, 4)
