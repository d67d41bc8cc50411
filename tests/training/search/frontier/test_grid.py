from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import tiny_table
from training.data.dataset import Dataset, make_dataset
from training.families import MixedDimension
from training.families.power_rule import block_parameters, power_rule_dims
from training.fit.recipes import BIASED
from training.models.rating_model import build_rating_model
from training.search.frontier.grid import FULL, QUICK, Extent, Point, equal_shares, grid, mixed_within


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return make_dataset(tiny_table(), "random", 0, BIASED.validation_fraction)


def parameters(point: Point) -> int:
    assert point.candidate.model is not None
    return int(build_rating_model(point.candidate.model, 30, 40).indexed.count_params())


@pytest.mark.parametrize("extent", [FULL, QUICK], ids=["full", "quick"])
def test_labels_are_unique_in_their_group(dataset: Dataset, extent: Extent) -> None:
    points = grid(dataset, extent, seed=3)
    names = [(point.group, point.candidate.label) for point in points]
    assert len(set(names)) == len(names)
    assert {point.group for point in points} == {
        *("width", "variational", "rounding", "hashing", "mixed", "distilled", "distilled_count")
    }
    assert all(point.candidate.recipe is None or point.candidate.recipe.seed == 3 for point in points)


def test_hashing_models_have_equal_numbers_of_parameters(dataset: Dataset) -> None:
    points = [point for point in grid(dataset, FULL, 0) if point.group == "hashing"]
    for ids_a_row in ("50", "16", "4"):
        sizes = {parameters(point) for point in points if point.setting == ids_a_row}
        assert len(sizes) == 1


def test_mixed_widths_have_no_more_parameters_than_uniform_ones(dataset: Dataset) -> None:
    points = [point for point in grid(dataset, FULL, 0) if point.group == "mixed"]
    assert len(points) == 3 * 6
    for start in (0, 6, 12):
        uniform, *mixed = points[start : start + 6]
        assert uniform.setting == "0"
        most = parameters(uniform)
        for point in mixed:
            assert parameters(point) <= most, point.candidate.label


def test_uniform_model_equals_the_model_of_that_width(dataset: Dataset) -> None:
    points = grid(dataset, FULL, 0)
    widths = {point.setting: point.candidate for point in points if point.group == "width"}
    uniform = next(point for point in points if point.candidate.label == "as 4 wide, temperature 0")
    assert uniform.candidate.model_dump() == widths["4"].model_dump()


def test_mixed_widths_are_as_wide_as_fits(dataset: Dataset) -> None:
    base, sides = mixed_within(dataset, 0.3, 500)
    popularities = {"users": dataset.user_popularity, "movies": dataset.movie_popularity}

    def size(dim: int) -> int:
        total = 0
        for name, side in sides.items():
            assert isinstance(side, MixedDimension) and side.block_sizes
            dims = power_rule_dims(popularities[name], side.block_sizes, dim, 0.3)
            total += block_parameters(side.block_sizes, dims, dim)
        return total

    assert size(base) <= 500 < size(base + 1)


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=200), st.integers(1, 12))
def test_equal_shares_cover_every_id(counts: list[int], blocks: int) -> None:
    falling = np.array(sorted(counts, reverse=True), dtype=np.int64)
    sizes = equal_shares(falling, blocks)
    assert sum(sizes) == len(counts)
    assert min(sizes) >= 1
    assert len(sizes) <= blocks


def test_equal_shares_match_hand_computed_sizes() -> None:
    assert equal_shares(np.array([6, 3, 2, 1]), 2) == (1, 3)
    assert equal_shares(np.array([1, 1, 1, 1]), 4) == (1, 1, 1, 1)


def test_blocks_of_both_sides_are_mixed(dataset: Dataset) -> None:
    candidates = [point.candidate for point in grid(dataset, FULL, 0)]
    model = next(one.model for one in candidates if one.label == "as 16 wide, temperature 0.6")
    assert model is not None
    users = model.users
    assert isinstance(users, MixedDimension) and users.block_sizes and users.block_dims
    assert users.block_dims[0] > users.block_dims[-1]
    assert block_parameters(users.block_sizes, users.block_dims, model.embedding_dim) <= 16 * 70
