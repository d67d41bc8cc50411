from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings

from tests.contracts.layer_contract import Array, LayerContract
from tests.training.families.test_packed_table import BLOCKS, STEPS, STREAM, WIDTHS, packed
from training.errors import SettingsError
from training.families.packed_table import PackedTable, pack
from training.layers import PackedEmbedding

TABLE = PackedTable(BLOCKS, WIDTHS, STEPS, np.array(STREAM, dtype=np.uint8))


def filled(ones_at: int | None = None) -> PackedEmbedding:
    layer = PackedEmbedding(5, BLOCKS, 3, 8, ones_at)
    layer.set_table(TABLE)
    return layer


class TestPackedEmbedding(LayerContract):
    # 8 bytes of codes, and a width and a step for each of 2 x 3.
    parameter_count = 8 + 6 + 6

    def make_layer(self) -> Any:
        return filled(ones_at=2)

    def inputs(self) -> list[Array]:
        return [np.array([0, 2, 3, 4], dtype=np.int32)]

    def test_every_weight_has_a_gradient(self) -> None:
        assert self.make_layer().trainable_weights == []


@pytest.mark.parametrize(
    ("ones_at", "embedding"),
    [
        (None, [2, 15.5, 0]),
        (0, [1, 2, 15.5, 0]),
        (2, [2, 15.5, 1, 0]),
        (3, [2, 15.5, 0, 1]),
    ],
)
def test_column_of_ones_has_the_given_position(ones_at: int | None, embedding: list[float]) -> None:
    assert np.asarray(filled(ones_at)(np.array([[3]]))).tolist() == [[embedding]]


def test_two_sides_of_ones_add_both_biases() -> None:
    factors, bias = np.array([[2.0, 3.0]]), 0.5
    user = np.concatenate([factors[0], [bias, 1]])
    movie = np.concatenate([factors[0], [1, -4.0]])
    assert user @ movie == 4 + 9 + 0.5 - 4


@settings(max_examples=15, deadline=None)
@given(packed())
def test_keras_and_numpy_agree_bit_for_bit(table: tuple[Array, Array, Array, tuple[int, ...]]) -> None:
    codes, widths, steps, sizes = table
    twin = PackedTable(sizes, widths, steps, pack(codes, widths, sizes))
    if not twin.codes.size:
        return
    layer = PackedEmbedding(sum(sizes), sizes, widths.shape[1], twin.codes.size)
    layer.set_table(twin)
    assert np.array_equal(np.asarray(layer(np.arange(sum(sizes)))), twin.values())


def test_logical_sizes_count_values_and_steps_not_bytes() -> None:
    assert list(filled().logical_sizes().values()) == [10, 0, 4]


def test_half_precision_embeddings() -> None:
    layer = PackedEmbedding(5, BLOCKS, 3, 8, dtype="mixed_float16")
    layer.set_table(TABLE)
    assert layer(np.array([3])).dtype == "float16"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_embeddings": 6}, "add up to 5, but there are 6 ids"),
        ({"ones_at": 4}, "the largest legal ones_at is 3"),
        ({"code_bytes": 0}, "code_bytes: Input should be greater than or equal to 1"),
    ],
)
def test_inconsistent_arguments_are_rejected(arguments: dict[str, Any], message: str) -> None:
    fitting = {"num_embeddings": 5, "block_sizes": BLOCKS, "columns": 3, "code_bytes": 8}
    with pytest.raises(SettingsError, match=message):
        PackedEmbedding(**{**fitting, **arguments})


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras says so before it raises
def test_file_with_inconsistent_widths_and_codes_is_rejected(tmp_path: Path) -> None:
    symbol = keras.Input(shape=(), dtype="int32")
    layer = filled()
    model = keras.Model(symbol, layer(symbol))
    layer.widths.assign(WIDTHS[::-1])
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="holds no table that fits"):
        keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
