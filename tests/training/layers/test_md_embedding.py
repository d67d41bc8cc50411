from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.contracts.layer_contract import Array, LayerContract
from training.errors import SettingsError
from training.layers import MDEmbedding

BLOCK_EDGES = np.array([0, 2, 3, 6, 7, 11, 5, 5], dtype=np.int32)


class TestPublishedMDEmbedding(LayerContract):
    parameter_count = 4 * 6 + 5 * 3 + 6 * 1 + (3 * 6 + 6) + (1 * 6 + 6)

    def make_layer(self) -> Any:
        return MDEmbedding((3, 4, 5), (6, 3, 1), 6, extra_row=True, projection_bias=True)

    def inputs(self) -> list[Array]:
        return [BLOCK_EDGES]


class TestLeanMDEmbedding(LayerContract):
    parameter_count = 3 * 2 + 4 * 6 + 5 * 1 + 2 * 6 + 1 * 6

    def make_layer(self) -> Any:
        return MDEmbedding([3, 4, 5], [2, 6, 1], 6, embeddings_initializer="normal")

    def inputs(self) -> list[Array]:
        return [BLOCK_EDGES.astype(np.int64)]


class TestOneBlockMDEmbedding(LayerContract):
    parameter_count = 12 * 4

    def make_layer(self) -> Any:
        return MDEmbedding([12], [4], 4)

    def inputs(self) -> list[Array]:
        return [BLOCK_EDGES]


@pytest.mark.parametrize(
    ("bias", "expected"),
    [(False, [[1, 2], [5, -10], [10, -20]]), (True, [[1, 2], [5.25, -9.5], [10.25, -19.5]])],
)
def test_second_block_is_projected(bias: bool, expected: list[list[float]]) -> None:
    layer = MDEmbedding((1, 2), (2, 1), 2, projection_bias=bias)
    layer.build()
    layer.tables[0].set_weights([np.array([[1.0, 2.0]])])
    layer.tables[1].set_weights([np.array([[10.0], [20.0]])])
    layer.projections[1].set_weights([np.array([[0.5, -1.0]]), *([np.array([0.25, 0.5])] if bias else [])])
    assert np.asarray(layer(np.array([0, 1, 2]))).tolist() == expected
    assert np.asarray(layer(np.array(2))).tolist() == expected[2]


@pytest.mark.parametrize(
    ("published", "parameters"),
    [(True, 102_608), (False, 400 * 64 + 1_300 * 32 + 2_006 * 16 + 32 * 64 + 16 * 64)],
)
def test_published_and_default_layouts_have_the_stated_parameters(published: bool, parameters: int) -> None:
    layer = MDEmbedding((400, 1_300, 2_006), (64, 32, 16), 64, extra_row=published, projection_bias=published)
    layer.build()
    assert layer.count_params() == parameters


def test_row_gets_gradients_only_from_its_own_id() -> None:
    layer = MDEmbedding((3, 4, 5), (6, 3, 1), 6)
    layer.build()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.constant([6])))
    weights = [table.embeddings.value for table in layer.tables]
    gradients = [np.asarray(tf.convert_to_tensor(gradient)) for gradient in tape.gradient(loss, weights)]
    touched = [np.flatnonzero(np.any(gradient, axis=1)).tolist() for gradient in gradients]
    assert touched == [[], [3], []]


def test_blocks_have_different_initial_values_with_one_seed() -> None:
    layer = MDEmbedding(
        (3, 3, 3), (4, 4, 4), 4, embeddings_initializer=keras.initializers.RandomNormal(seed=1)
    )
    layer.build()
    first, second, third = layer.get_weights()
    assert not np.any(first == second)
    assert not np.any(second == third)


@pytest.mark.parametrize(
    ("sizes", "dims", "dim", "message"),
    [
        ((3, 4), (4,), 4, "2 block_sizes but 1 block_dims"),
        ((3, 4), (4, 5), 4, "smallest legal embedding_dim for it is 5"),
        ((3, 0), (4, 2), 4, "block_sizes.1: Input should be greater than or equal to 1"),
        ((3, 4), (4, 0), 4, "block_dims.1: Input should be greater than or equal to 1"),
        ((), (), 4, "smallest legal num_embeddings is 1"),
        ((3, 4), (4, 2), 0, "smallest legal embedding_dim is 1"),
    ],
)
def test_error_states_the_smallest_legal_value(sizes: Any, dims: Any, dim: int, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        MDEmbedding(sizes, dims, dim)
