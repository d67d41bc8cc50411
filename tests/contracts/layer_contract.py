"""Tests for every layer; the test class of a layer subclasses `LayerContract` and provides its members."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.contracts.fresh_process import predict_in_fresh_process

Array = np.ndarray[Any, Any]


class LayerContract:
    """Tests that every layer must pass.

    Attributes:
        parameter_count: Parameters of the layer that `make_layer` makes, by hand.
        compiles: Whether the layer may run compiled by XLA.
    """

    parameter_count: int
    compiles = True

    def make_layer(self) -> Any:
        raise NotImplementedError

    def inputs(self) -> list[Array]:
        """Return an array per input: a batch with the first and last id of every block or bucket."""
        raise NotImplementedError

    def test_configuration_round_trips_as_json(self) -> None:
        layer = self.make_layer()
        config = json.loads(json.dumps(layer.get_config()))
        assert type(layer).from_config(config).get_config() == layer.get_config()

    def test_layer_is_registered_in_the_project_package(self) -> None:
        layer = self.make_layer()
        config = keras.saving.serialize_keras_object(layer)
        assert config["registered_name"] == f"stars>{type(layer).__name__}"
        assert isinstance(keras.saving.deserialize_keras_object(config, safe_mode=True), type(layer))

    def test_build_creates_every_weight(self) -> None:
        layer = self.make_layer()
        layer.build(*[array.shape for array in self.inputs()])
        assert layer.count_params() == self.parameter_count
        before = [weight.path for weight in layer.weights]
        layer(*_tensors(self.inputs()))
        layer.build(*[array.shape for array in self.inputs()])
        assert [weight.path for weight in layer.weights] == before

    @pytest.mark.parametrize("called", [False, True], ids=["before first call", "after first call"])
    def test_saved_layer_computes_the_same(self, called: bool, tmp_path: Path) -> None:
        model, inputs = self._model(), self.inputs()
        if called:
            model(_tensors(inputs))
        model.save(tmp_path / "model.keras")
        expected = np.asarray(model(_tensors(inputs)))
        loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
        np.testing.assert_allclose(np.asarray(loaded(_tensors(inputs))), expected, rtol=0, atol=1e-6)
        fresh = predict_in_fresh_process(tmp_path / "model.keras", inputs)
        np.testing.assert_allclose(fresh, expected, rtol=0, atol=1e-6)

    def test_batch_equals_single_inputs(self) -> None:
        layer, inputs = self.make_layer(), self.inputs()
        batch = np.asarray(layer(*_tensors(inputs)))
        for row in range(len(inputs[0])):
            single = np.asarray(layer(*_tensors([array[row : row + 1] for array in inputs])))
            np.testing.assert_allclose(single[0], batch[row], rtol=0, atol=1e-6)

    def test_symbolic_output_has_shape_and_dtype(self) -> None:
        inputs = self.inputs()
        symbolic = self._model().output
        real = self.make_layer()(*_tensors(inputs))
        assert symbolic.shape[1:] == tuple(real.shape[1:])
        assert symbolic.dtype == keras.backend.standardize_dtype(real.dtype)

    def test_layer_accepts_any_leading_shape(self) -> None:
        layer, inputs = self.make_layer(), self.inputs()
        flat = np.asarray(layer(*_tensors(inputs)))
        tall = np.asarray(layer(*_tensors([array[None, :, None] for array in inputs])))
        assert tall.shape == (1, flat.shape[0], 1, *flat.shape[1:])
        np.testing.assert_allclose(tall[0, :, 0], flat, rtol=0, atol=1e-6)

    def test_compiled_call_equals_eager_call(self) -> None:
        layer, inputs = self.make_layer(), self.inputs()
        eager = np.asarray(layer(*_tensors(inputs)))
        compiled = tf.function(layer, jit_compile=self.compiles)(*_tensors(inputs))
        np.testing.assert_allclose(np.asarray(compiled), eager, rtol=0, atol=1e-6)
        assert layer.supports_jit == self.compiles

    def test_every_weight_has_a_gradient(self) -> None:
        layer, inputs = self.make_layer(), self.inputs()
        layer(*_tensors(inputs))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(layer(*_tensors(inputs)), tf.float32) ** 2)
        weights = [weight.value for weight in layer.trainable_weights]
        for weight, gradient in zip(layer.weights, tape.gradient(loss, weights), strict=True):
            assert np.any(np.asarray(tf.convert_to_tensor(gradient))), weight.path

    def _model(self) -> Any:
        symbols = [
            keras.Input(
                shape=array.shape[1:], dtype="string" if array.dtype.kind in "OU" else str(array.dtype)
            )
            for array in self.inputs()
        ]
        return keras.Model(symbols, self.make_layer()(*symbols))


def _tensors(arrays: list[Array]) -> list[Any]:
    return [tf.constant(array) for array in arrays]
