from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import SettingsError
from training.families.power_rule import (
    block_parameters,
    default_block_dims,
    default_block_sizes,
    default_num_buckets,
    power_rule_dims,
    solve_budget,
)

TWO_BLOCKS = np.array([16] * 10 + [4] * 100)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], tuple[int, ...]]:
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=5))
    counts = draw(st.lists(st.integers(0, 5_000), min_size=sum(sizes), max_size=sum(sizes)))
    return np.sort(np.array(counts))[::-1], tuple(sizes)


@pytest.mark.parametrize(
    ("base_dim", "temperature", "dims"),
    [(8, 0, (8, 8, 8)), (8, 0.5, (8, 4, 2)), (8, 1, (8, 2, 1)), (6, 1, (6, 2, 1))],
)
def test_power_rule_matches_hand_computed_widths(
    base_dim: int, temperature: float, dims: tuple[int, ...]
) -> None:
    # Mean popularity 16, 4 and 1; a quarter of 6 is 1.5, rounded up.
    popularity = np.array([20, 12, 4, 2, 1, 0])
    assert power_rule_dims(popularity, (2, 1, 3), base_dim, temperature) == dims


def test_unrated_block_is_one_wide_and_an_unrated_set_is_full() -> None:
    assert power_rule_dims(np.array([5, 0]), (1, 1), 8, 0.3) == (8, 1)
    assert power_rule_dims(np.array([0, 0]), (1, 1), 8, 0.3) == (8, 8)


@given(blocks(), st.integers(1, 64), st.floats(0, 1), st.floats(0, 1))
def test_widths_fall_with_popularity_and_with_temperature(
    given_blocks: tuple[np.ndarray[Any, Any], tuple[int, ...]], base_dim: int, one: float, other: float
) -> None:
    popularity, sizes = given_blocks
    cool, warm = (power_rule_dims(popularity, sizes, base_dim, value) for value in sorted((one, other)))
    assert cool[0] == base_dim
    assert sorted(cool, reverse=True) == list(cool)
    assert min(warm) >= 1
    assert all(second <= first for first, second in zip(cool, warm, strict=True))


@pytest.mark.parametrize(
    ("budget", "dims"), [(880, (8, 8)), (879, (8, 7)), (836, (8, 7)), (835, (8, 6)), (296, (8, 2))]
)
def test_solve_budget_matches_hand_computed_widths(budget: int, dims: tuple[int, ...]) -> None:
    # 10 x 8, and 100 x d with a projection of d x 8 below 8: 880, 836, 728, ... 296 at temperature 1.
    assert solve_budget(TWO_BLOCKS, (10, 100), 8, budget) == dims


def test_budget_counts_extra_rows_and_biases() -> None:
    # 11 x 8 + 101 x 7 + 7 x 8 + 8 = 859
    assert block_parameters((10, 100), (8, 7), 8, extra_row=True, projection_bias=True) == 859
    assert solve_budget(TWO_BLOCKS, (10, 100), 8, 859, extra_row=True, projection_bias=True) == (8, 7)
    assert solve_budget(TWO_BLOCKS, (10, 100), 8, 858, extra_row=True, projection_bias=True) == (8, 6)


def test_published_blocks_have_the_published_number_of_parameters() -> None:
    assert block_parameters((400, 1_300, 2_006), (64, 32, 16), 64, True, True) == 102_608


@pytest.mark.parametrize(
    ("sizes", "popularity", "smallest"), [((10, 100), TWO_BLOCKS, 296), ((1, 1, 1), [16, 4, 1], 24)]
)
def test_budget_too_small_names_the_smallest_legal_one(sizes: Any, popularity: Any, smallest: int) -> None:
    # The second needs no projections when all three are 8 wide, and more parameters otherwise.
    with pytest.raises(SettingsError, match=f"smallest legal parameter_budget is {smallest}$"):
        solve_budget(np.array(popularity), sizes, 8, smallest - 1)
    solve_budget(np.array(popularity), sizes, 8, smallest)


@given(blocks(), st.integers(1, 24), st.integers(1, 4_000), st.booleans(), st.floats(0, 1))
def test_solve_budget_uses_as_much_of_the_budget_as_possible(
    given_blocks: tuple[np.ndarray[Any, Any], tuple[int, ...]],
    base_dim: int,
    budget: int,
    published: bool,
    temperature: float,
) -> None:
    popularity, sizes = given_blocks
    other = power_rule_dims(popularity, sizes, base_dim, temperature)
    other_fits = block_parameters(sizes, other, base_dim, published, published) <= budget
    try:
        dims = solve_budget(popularity, sizes, base_dim, budget, published, published)
    except SettingsError:
        assert not other_fits
        return
    assert block_parameters(sizes, dims, base_dim, published, published) <= budget
    if other_fits:
        assert all(mine >= theirs for mine, theirs in zip(dims, other, strict=True))


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (3_706, (400, 1_300, 2_006)),
        (1, (1,)),
        (2, (1, 1)),
        (3, (1, 1, 1)),
        (4, (1, 1, 2)),
        (9_724, (1_050, 3_411, 5_263)),
    ],
)
def test_default_blocks_match_hand_computed_sizes(count: int, sizes: tuple[int, ...]) -> None:
    assert default_block_sizes(count) == sizes


@given(st.integers(1, 10_000_000))
def test_default_blocks_cover_all_ids(count: int) -> None:
    sizes = default_block_sizes(count)
    assert sum(sizes) == count
    assert min(sizes) >= 1


@pytest.mark.parametrize(
    ("count", "buckets"), [(6_040, 120), (610, 25), (49, 7), (50, 8), (1, 1), (162_541, 3_250)]
)
def test_default_buckets_match_hand_computed_numbers(count: int, buckets: int) -> None:
    assert default_num_buckets(count) == buckets


@given(st.integers(1, 10**12))
def test_default_buckets_are_legal_for_two_equal_tables(count: int) -> None:
    assert default_num_buckets(count) ** 2 >= count


def test_default_widths_halve() -> None:
    assert default_block_dims(3, 64) == (64, 32, 16)
    assert default_block_dims(4, 4) == (4, 2, 1, 1)


@pytest.mark.parametrize(
    ("popularity", "sizes", "temperature", "message"),
    [
        ([3, 2], (1, 2), 0.5, "block_sizes add up to 3, but there are 2 ids"),
        ([2, 3], (1, 1), 0.5, "most popular id first"),
        ([3, -2], (1, 1), 0.5, "none below 0"),
        ([3, float("nan")], (1, 1), 0.5, "must be counts"),
        ([3, 2], (1, 1), 1.5, "between 0 and 1"),
        ([3, 2], (1, 1), float("nan"), "between 0 and 1"),
    ],
)
def test_illegal_arguments_are_rejected(
    popularity: Any, sizes: Any, temperature: float, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        power_rule_dims(np.array(popularity), sizes, 8, temperature)
