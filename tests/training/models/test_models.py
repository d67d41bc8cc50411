from __future__ import annotations

from tests.contracts.model_contract import ModelContract
from training.models.named import BASELINE, MEMORY_EFFICIENT, MODELS
from training.settings import (
    FullTable,
    HashingTrick,
    MixedDimension,
    ModelSettings,
    Precision,
    QuotientRemainder,
)


class TestBaseline(ModelContract):
    settings = BASELINE
    parameter_count = 623_744


class TestMemoryEfficient(ModelContract):
    settings = MEMORY_EFFICIENT
    parameter_count = 117_968


class TestLean(ModelContract):
    settings = ModelSettings(name="lean", description="", users=QuotientRemainder(), movies=MixedDimension())
    parameter_count = 10_944 + 102_368


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


class TestAddedTablesOnOneSide(ModelContract):
    settings = ModelSettings(
        name="added",
        description="",
        embedding_dim=2,
        users=FullTable(),
        movies=QuotientRemainder(num_buckets=70, operation="add"),
    )
    parameter_count = (6_040 + 70 + 53) * 2


class TestBiased(ModelContract):
    settings = ModelSettings(name="biased", description="", embedding_dim=4, biases=True)
    parameter_count = (6_040 + 3_706) * 5 + 1


class TestHashedAndBiased(ModelContract):
    settings = ModelSettings(
        name="hashed",
        description="",
        embedding_dim=4,
        users=HashingTrick(num_buckets=60),
        movies=HashingTrick(),
        biases=True,
    )
    # Movies by default: 3,706 // 50 = 74 buckets.
    parameter_count = (60 + 74) * 4 + 6_040 + 3_706 + 1


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


class LowPrecisionContract(ModelContract):
    """Made from a fitted model, never fitted."""

    def test_compiled_training_moves_every_weight_and_the_model_on_ids(self) -> None:
        model = self._build()
        kept = [weight.path for weight in model.indexed.trainable_weights if weight.dtype == "float32"]
        assert all("projection" in path or path == "rating/global_bias" for path in kept)


class TestRounded(LowPrecisionContract):
    settings = ModelSettings(
        name="rounded",
        description="",
        embedding_dim=4,
        users=QuotientRemainder(),
        movies=MixedDimension(temperature=0.5),
        biases=True,
        precision=Precision(bits=3, scale="row"),
    )
    # 12 bits or fewer are two bytes a row, 6 are one, and each row has a scale; projections are floats.
    parameter_count = (120 + 51) * 3 + 1_700 * 3 + 2_006 * 2 + 3 * 4 + 2 * 4 + 6_040 + 3_706 + 1


class TestHalfPrecision(LowPrecisionContract):
    settings = MEMORY_EFFICIENT.model_copy(update={"name": "half", "precision": Precision(bits=16)})
    parameter_count = 117_968


def test_models_go_by_their_own_names() -> None:
    assert list(MODELS) == ["baseline", "memory_efficient"]
    assert all(settings.name == name for name, settings in MODELS.items())
