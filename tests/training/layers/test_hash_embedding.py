from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.contracts.layer_contract import Array, LayerContract
from training.errors import SettingsError
from training.layers import HashEmbedding


class TestHashEmbedding(LayerContract):
    parameter_count = 7 * 4

    def make_layer(self) -> Any:
        return HashEmbedding(12, 4, 7)

    def inputs(self) -> list[Array]:
        return [np.arange(12, dtype=np.int32)]


class TestMoreBucketsThanIds(LayerContract):
    parameter_count = 50 * 2

    def make_layer(self) -> Any:
        return HashEmbedding(3, 2, 50, embeddings_initializer="normal")

    def inputs(self) -> list[Array]:
        return [np.array([0, 2], dtype=np.int64)]


def test_rows_match_hand_computed_hashes() -> None:
    # mix(0, 1, 2, 3705, 2**31 - 1) = 0, 2261973619, 229111015, 1259150196, 1289417537.
    layer = HashEmbedding(2**31, 1, 1_000)
    layer.build()
    layer.table.set_weights([np.arange(1_000)[:, None]])
    rows = np.asarray(layer(np.array([0, 1, 2, 3_705, 2**31 - 1])))
    assert rows[:, 0].tolist() == [0, 619, 15, 196, 537]


def test_neighbouring_ranks_collide_as_often_as_others() -> None:
    # Of 100 ids in 100 rows, 100 * (1 - 1/e) = 63.2 rows are expected to be read, give or take 3.1.
    layer = HashEmbedding(100_000, 1, 100)
    layer.build()
    layer.table.set_weights([np.arange(100)[:, None]])
    rows = np.asarray(layer(np.arange(100_000)))[:, 0].reshape(1_000, 100)
    read = np.mean([np.unique(part).size for part in rows])
    assert 62 < read < 65
    assert np.bincount(rows.ravel().astype(int)).min() > 850  # 1,000 expected, give or take 32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_buckets": 0}, "num_buckets: Input should be greater than or equal to 1"),
        ({"embedding_dim": 0}, "smallest legal embedding_dim is 1"),
        ({"num_embeddings": 1.5}, "num_embeddings must be a whole number"),
    ],
)
def test_error_states_the_smallest_legal_value(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        HashEmbedding(**{"num_embeddings": 9, "embedding_dim": 4, "num_buckets": 3, **arguments})
