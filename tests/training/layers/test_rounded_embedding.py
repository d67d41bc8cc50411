from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.layer_contract import Array, LayerContract
from training.artefact.rounded import SCALES, Scale
from training.compress.quantisation import round_table
from training.errors import SettingsError
from training.layers import HashEmbedding, MDEmbedding, QREmbedding, RoundedEmbedding

TABLE = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


def filled(bits: int = 3, scale: Scale = "row") -> RoundedEmbedding:
    layer = RoundedEmbedding(5, 3, bits, scale)
    layer.set_table(round_table(TABLE, bits, scale))
    return layer


class TestRoundedEmbedding(LayerContract):
    # Two bytes of codes and one scale a row.
    parameter_count = 5 * 2 + 5

    def make_layer(self) -> Any:
        return filled()

    def inputs(self) -> list[Array]:
        return [np.array([0, 4, 2], dtype=np.int32)]

    def test_every_weight_gets_a_gradient(self) -> None:
        assert self.make_layer().trainable_weights == []


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 8), st.sampled_from(SCALES))
def test_keras_and_numpy_agree_bit_for_bit(bits: int, scale: Scale) -> None:
    found = np.asarray(filled(bits, scale)(np.arange(5).reshape(1, 5)))
    assert np.array_equal(found, round_table(TABLE, bits, scale)[:][None])


def test_logical_sizes_count_values_and_scales_not_bytes() -> None:
    assert list(filled().logical_sizes().values()) == [15, 5]


@pytest.mark.parametrize(
    "layer",
    [
        QREmbedding(6, 4, 3, table_bits=4),
        HashEmbedding(6, 4, 3, table_bits=4, table_scale="row"),
        MDEmbedding((2, 4), (4, 2), 4, table_bits=4, table_scale="shared"),
    ],
)
def test_rounded_tables_of_any_family_round_trip(layer: Any) -> None:
    again = type(layer).from_config(layer.get_config())
    again.build((None,))
    assert again.get_config() == layer.get_config()
    assert again(np.arange(6)).shape == (6, 4)
    # A float table's configuration says nothing of rounding, so that older readers understand it.
    assert "table_bits" not in QREmbedding(6, 4, 3).get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bits": 0}, "the smallest legal bits is 1"),
        ({"bits": 9}, "the largest legal number of bits is 8"),
        ({"scale": "block"}, "scale must be one of row, column, shared"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        RoundedEmbedding(**{"input_dim": 5, "output_dim": 3, "bits": 8, "scale": "row", **arguments})


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras says so before it raises
def test_a_file_with_another_table_is_refused(tmp_path: Path) -> None:
    symbol = keras.Input(shape=(), dtype="int32")
    layer = filled()
    keras.Model(symbol, layer(symbol)).save(tmp_path / "model.keras")
    layer.bits = 4
    keras.Model(symbol, layer(symbol)).save(tmp_path / "other.keras")
    keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    layer.bits = 8
    keras.Model(symbol, layer(symbol)).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="bytes a row"):
        keras.saving.load_model(tmp_path / "other.keras", compile=False, safe_mode=True)
