from __future__ import annotations

import pytest

from training.errors import SettingsError
from training.families import MixedDimension, QuotientRemainder
from training.fit.overrides import override_models, override_recipe
from training.fit.recipes import DEFAULT, REFERENCE
from training.models.named import BASELINE, MEMORY_EFFICIENT
from training.settings import ModelSettings, Recipe


def test_option_changes_only_the_sides_of_its_family() -> None:
    base, efficient = override_models(
        [BASELINE, MEMORY_EFFICIENT], embedding_dim=8, num_buckets=9, block_dims=(8, 4, 2)
    )
    assert (base.embedding_dim, efficient.embedding_dim) == (8, 8)
    assert base.users == BASELINE.users
    assert isinstance(efficient.users, QuotientRemainder)
    assert efficient.users.num_buckets == 9
    assert isinstance(efficient.movies, MixedDimension)
    assert efficient.movies.block_dims == (8, 4, 2)


def test_option_without_a_matching_family_is_rejected() -> None:
    with pytest.raises(SettingsError, match="--num-buckets does not apply to baseline"):
        override_models([BASELINE], num_buckets=3)


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"embedding_dim": 0}, "embedding-dim"),
        ({"num_buckets": 0}, "num-buckets"),
        ({"block_sizes": (0,)}, "block-sizes"),
    ],
)
def test_error_names_the_option_whose_value_is_out_of_range(changes: dict[str, object], option: str) -> None:
    with pytest.raises(SettingsError, match=option):
        override_models([MEMORY_EFFICIENT], **changes)


def test_recipe_becomes_custom_unless_only_the_seed_changes() -> None:
    assert override_recipe(REFERENCE, seed=2, epochs=None) == REFERENCE.model_copy(update={"seed": 2})
    assert override_recipe(DEFAULT, epochs=7).name == "custom"
    with pytest.raises(SettingsError, match="learning-rate"):
        override_recipe(DEFAULT, learning_rate=-1)


@pytest.mark.parametrize("model", [BASELINE, MEMORY_EFFICIENT])
def test_model_settings_round_trip_through_json(model: ModelSettings) -> None:
    assert ModelSettings.model_validate_json(model.model_dump_json()) == model
    assert Recipe.model_validate_json(DEFAULT.model_dump_json()) == DEFAULT


@pytest.mark.parametrize("size", [0, 2**20 + 1, 2**63 - 1])
def test_batch_size_outside_its_range_is_rejected(size: int) -> None:
    with pytest.raises(SettingsError, match="batch-size"):
        override_recipe(DEFAULT, batch_size=size)
    assert override_recipe(DEFAULT, batch_size=2**20).batch_size == 2**20
