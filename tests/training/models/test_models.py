from __future__ import annotations

import pytest

from tests.contracts.model_contract import ModelContract
from training.families import MixedDimension, QuotientRemainder
from training.models.named import BASELINE, MEMORY_EFFICIENT, MODELS
from training.settings import ModelSettings


class TestBaseline(ModelContract):
    settings = BASELINE
    parameter_count = 623_744

    @pytest.mark.long  # tests/training/families trains each family alone
    def test_compiled_training_changes_every_weight_and_the_model_on_ids(self) -> None:
        super().test_compiled_training_changes_every_weight_and_the_model_on_ids()


class TestMemoryEfficient(ModelContract):
    settings = MEMORY_EFFICIENT
    parameter_count = 117_968

    @pytest.mark.long  # tests/training/families trains each family alone
    def test_compiled_training_changes_every_weight_and_the_model_on_ids(self) -> None:
        super().test_compiled_training_changes_every_weight_and_the_model_on_ids()


class TestSidesTheOtherWayRound(ModelContract):
    settings = ModelSettings(
        name="turned",
        description="",
        embedding_dim=8,
        users=MixedDimension(temperature=0.5),
        movies=QuotientRemainder(operation="concatenate"),
    )
    # Users 652 / 2,119 / 3,269, mean ranks from the top 5,713.5 / 4,328 / 1,634: 8, 7 and 4 wide.
    parameter_count = 652 * 8 + 2_119 * 7 + 3_269 * 4 + 7 * 8 + 4 * 8 + (74 + 51) * 4

    @pytest.mark.long  # tests/training/families trains each family alone
    def test_compiled_training_changes_every_weight_and_the_model_on_ids(self) -> None:
        super().test_compiled_training_changes_every_weight_and_the_model_on_ids()


class TestBiased(ModelContract):
    settings = ModelSettings(name="biased", description="", embedding_dim=4, biases=True)
    parameter_count = (6_040 + 3_706) * 5 + 1


class TestBiasedQuotientRemainderAndMixedDimension(ModelContract):
    settings = ModelSettings(
        name="mixed",
        description="",
        embedding_dim=4,
        users=QuotientRemainder(),
        movies=MixedDimension(temperature=0.5),
        biases=True,
    )
    # Movies 400 / 1,300 / 2,006, mean ranks from the top 3,505.5 / 2,655.5 / 1,002.5: 4, 3 and 2 wide.
    parameter_count = (120 + 51) * 4 + 400 * 4 + 1_300 * 3 + 2_006 * 2 + 3 * 4 + 2 * 4 + 6_040 + 3_706 + 1

    @pytest.mark.long
    def test_compiled_training_changes_every_weight_and_the_model_on_ids(self) -> None:
        super().test_compiled_training_changes_every_weight_and_the_model_on_ids()


def test_models_are_registered_under_their_names() -> None:
    assert list(MODELS) == ["baseline", "memory_efficient"]
    assert all(settings.name == name for name, settings in MODELS.items())
