from __future__ import annotations

import pytest

from training.errors import SettingsError
from training.fit.overrides import override_models, override_recipe
from training.fit.recipes import DEFAULT, REFERENCE
from training.models.named import BASELINE, MEMORY_EFFICIENT
from training.settings import MixedDimension, ModelSettings, QuotientRemainder, Recipe


def test_an_option_changes_the_sides_it_belongs_to() -> None:
    base, efficient = override_models(
        [BASELINE, MEMORY_EFFICIENT], embedding_dim=8, num_buckets=9, block_dims=(8, 4, 2)
    )
    assert (base.embedding_dim, efficient.embedding_dim) == (8, 8)
    assert base.users == BASELINE.users
    assert isinstance(efficient.users, QuotientRemainder)
    assert efficient.users.num_buckets == 9
    assert isinstance(efficient.movies, MixedDimension)
    assert efficient.movies.block_dims == (8, 4, 2)


def test_an_option_that_means_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="--num-buckets means nothing to baseline"):
        override_models([BASELINE], num_buckets=3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"embedding_dim": 0}, "embedding-dim"),
        ({"num_buckets": 0}, "num-buckets"),
        ({"block_sizes": (0,)}, "block-sizes"),
    ],
)
def test_a_value_out_of_range_names_the_option(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        override_models([MEMORY_EFFICIENT], **changes)


def test_a_changed_recipe_is_custom_a_reseeded_one_is_not() -> None:
    assert override_recipe(REFERENCE, seed=2, epochs=None) == REFERENCE.model_copy(update={"seed": 2})
    assert override_recipe(DEFAULT, epochs=7).name == "custom"
    with pytest.raises(SettingsError, match="learning-rate"):
        override_recipe(DEFAULT, learning_rate=-1)


@pytest.mark.parametrize("model", [BASELINE, MEMORY_EFFICIENT])
def test_settings_round_trip_through_json(model: ModelSettings) -> None:
    assert ModelSettings.model_validate_json(model.model_dump_json()) == model
    assert Recipe.model_validate_json(DEFAULT.model_dump_json()) == DEFAULT


@pytest.mark.parametrize("size", [0, 2**20 + 1, 2**63 - 1])
def test_a_step_has_a_sensible_number_of_ratings(size: int) -> None:
    with pytest.raises(SettingsError, match="batch-size"):
        override_recipe(DEFAULT, batch_size=size)
    assert override_recipe(DEFAULT, batch_size=2**20).batch_size == 2**20
