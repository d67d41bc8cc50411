from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.layer_contract import Array, LayerContract
from training.errors import SettingsError
from training.layers import QREmbedding

QUOTIENT = np.array([[1.0, 2.0], [3.0, 4.0]])
REMAINDER = np.array([[1.0, 1.0], [2.0, 0.0], [0.5, -1.0]])


class TestQREmbedding(LayerContract):
    parameter_count = (3 + 4) * 6

    def make_layer(self) -> Any:
        return QREmbedding(11, 6, 4)

    def inputs(self) -> list[Array]:
        return [np.array([0, 3, 4, 7, 8, 10, 5, 5], dtype=np.int32)]


class TestConcatenatedQREmbedding(LayerContract):
    parameter_count = (4 + 4) * 3

    def make_layer(self) -> Any:
        return QREmbedding(
            11, 6, 4, operation="concatenate", quotient_rows=4, embeddings_initializer="normal"
        )

    def inputs(self) -> list[Array]:
        return [np.array([0, 3, 4, 7, 8, 10], dtype=np.int64)]


@pytest.mark.parametrize(
    ("operation", "dim", "expected"),
    [("multiply", 2, [6.0, 0.0]), ("add", 2, [5.0, 4.0]), ("concatenate", 4, [3.0, 4.0, 2.0, 0.0])],
)
def test_index_4_of_3_buckets_reads_rows_1_and_1(operation: str, dim: int, expected: list[float]) -> None:
    layer = QREmbedding(6, dim, 3, operation=operation)
    layer.build()
    layer.quotient.set_weights([QUOTIENT])
    layer.remainder.set_weights([REMAINDER])
    assert np.asarray(layer(np.array([4]))).tolist() == [expected]
    assert np.asarray(layer(np.array(4))).tolist() == expected


@pytest.mark.parametrize(("quotient_rows", "parameters"), [(120, 15_360), (None, 10_944)])
def test_published_and_default_layouts_have_the_stated_parameters(
    quotient_rows: int | None, parameters: int
) -> None:
    layer = QREmbedding(6_040, 64, 120, quotient_rows=quotient_rows)
    layer.build()
    assert layer.count_params() == parameters


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(1, 450))
def test_no_two_ids_share_both_rows(count: int, buckets: int) -> None:
    layer = QREmbedding(count, 2, buckets, operation="concatenate")
    layer.build()
    for table in (layer.quotient, layer.remainder):
        table.set_weights([np.arange(table.input_dim)[:, None]])
    pairs = np.asarray(layer(np.arange(count)))
    assert len(np.unique(pairs, axis=0)) == count
    assert pairs[:, 0].max() + 1 == layer.quotient.input_dim  # lean: every quotient row is read


@pytest.mark.parametrize("seed", [7, None, keras.random.SeedGenerator(7)])
def test_tables_have_different_initial_values_with_one_initialiser(seed: Any) -> None:
    layer = QREmbedding(9, 4, 3, embeddings_initializer=keras.initializers.RandomUniform(seed=seed))
    layer.build()
    quotient, remainder = (np.asarray(weight) for weight in layer.get_weights())
    assert not np.any(quotient == remainder)


def test_initial_values_are_determined_by_the_seed() -> None:
    starts = []
    for _ in range(2):
        layer = QREmbedding(9, 4, 3, embeddings_initializer=keras.initializers.RandomNormal(seed=7))
        layer.build()
        starts.append(np.concatenate(layer.get_weights()))
    assert np.array_equal(starts[0], starts[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_buckets": 77, "quotient_rows": 77}, "smallest legal num_buckets is 79"),
        ({"num_buckets": 77, "quotient_rows": 77}, "smallest legal quotient_rows is 79"),
        ({"num_buckets": 0}, "num_buckets: Input should be greater than or equal to 1"),
        ({"num_buckets": 2.5}, "num_buckets: Input should be a valid integer"),
        ({"num_embeddings": -1}, "smallest legal num_embeddings is 1"),
        ({"embedding_dim": 7, "operation": "concatenate"}, "smallest legal embedding_dim from there is 8"),
        ({"operation": "concat"}, "operation: Input should be 'multiply', 'add' or 'concatenate'"),
    ],
)
def test_error_states_the_smallest_legal_value(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        QREmbedding(**{"num_embeddings": 6_040, "embedding_dim": 64, "num_buckets": 120, **arguments})
    QREmbedding(6_040, 64, 79, quotient_rows=77)
