from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import SettingsError
from training.search.budget.budget import Budget, parse_budget


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("64KB", 64_000, "bytes"),
        ("64kb", 64_000, "bytes"),
        ("64KiB", 65_536, "bytes"),
        (" 1.5 MB ", 1_500_000, "bytes"),
        ("0.1KB", 100, "bytes"),
        ("2MiB", 2_097_152, "bytes"),
        ("1GB", 1_000_000_000, "bytes"),
        ("24,950B", 24_950, "bytes"),
        ("24_950 bytes", 24_950, "bytes"),
        ("100000params", 100_000, "parameters"),
        ("100kparams", 100_000, "parameters"),
        ("0.117968M parameters", 117_968, "parameters"),
        ("1 param", 1, "parameters"),
    ],
)
def test_parse_budget_accepts_common_notations(text: str, amount: int, unit: str) -> None:
    budget = parse_budget(text)
    assert (budget.amount, budget.unit) == (amount, unit)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("64", "'64' has no unit; add one, such as 64KB"),
        ("64K", "has no unit"),
        ("KB", "is not a budget"),
        ("", "is not a budget"),
        ("-64KB", "is not a budget"),
        ("64TB", "is not a budget"),
        ("1e3B", "is not a budget"),
        ("6 4KB", "is not a budget"),
        ("0KB", "is less than 1"),
        ("0.4B", "is less than 1"),
    ],
)
def test_parse_budget_rejects_other_text(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_budget(text)


@given(st.integers(1, 10**12), st.sampled_from(["bytes", "parameters"]))
def test_budget_round_trips_through_its_text(amount: int, unit: str) -> None:
    budget = parse_budget(f"{amount} {unit}")
    assert parse_budget(str(budget)) == budget
    assert budget.amount == amount


def test_holds_compares_the_unit_of_the_budget() -> None:
    by_bytes, by_parameters = Budget(100, "bytes"), Budget(100, "parameters")
    assert by_bytes.holds(parameters=1_000, nbytes=100)
    assert not by_bytes.holds(parameters=1, nbytes=101)
    assert by_parameters.holds(parameters=100, nbytes=1_000)
    assert not by_parameters.holds(parameters=101, nbytes=1)
    assert (by_bytes.floats, by_parameters.floats) == (25, 100)
