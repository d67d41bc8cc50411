from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.layer_contract import Array, LayerContract
from training.artefact.ids.vocabulary import Vocabulary
from training.errors import SettingsError
from training.layers import IdLookup

NUMBERED = Vocabulary.from_numbers(np.array([7, 1, 30, 2**63 - 1]), "user_", warm=3)
TEXTS = Vocabulary.from_texts(["user_7", "Zoë", "映画", " ", "a\0b", "user_07"], warm=5)


class TestNumberedIdLookup(LayerContract):
    parameter_count = 0
    compiles = False

    def make_layer(self) -> Any:
        return IdLookup(NUMBERED, name="user_lookup")

    def inputs(self) -> list[Array]:
        return [np.array(["user_7", "user_1", "user_30", "user_9223372036854775807", "user_7"], dtype=object)]


class TestTextIdLookup(LayerContract):
    parameter_count = 0
    compiles = False

    def make_layer(self) -> Any:
        return IdLookup(TEXTS, name="movie_lookup")

    def inputs(self) -> list[Array]:
        return [np.array(list(TEXTS), dtype=object)]


def test_index_is_the_position_in_the_vocabulary() -> None:
    index = IdLookup(NUMBERED)(np.array([["user_30"], ["user_7"]]))
    assert index.dtype == "int32"
    assert np.asarray(index).tolist() == [[2], [0]]
    assert np.asarray(IdLookup(TEXTS)(["映画", "user_07"])).tolist() == [2, 5]


UNKNOWN = [
    "user_2",
    "7",
    "user_007",
    "user_+1",
    "user_1_0",
    " user_1",
    "user_1 ",
    "USER_1",
    "user_",
    "",
    "user_1\0",
    "-1",
]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_unknown_id_raises_an_error_with_the_layer_name(unknown: str) -> None:
    layer = IdLookup(NUMBERED, name="user_lookup")
    for call in (layer, tf.function(layer)):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="user_lookup: unknown to this model, which has 4 ids"
        ):
            call(tf.constant(["user_1", unknown, "user_7"]))


def test_unknown_id_raises_an_error_in_a_loaded_model(tmp_path: Path) -> None:
    _model(NUMBERED).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for call in (loaded, tf.function(loaded), lambda ids: loaded.predict(ids, verbose=0)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)user_lookup: unknown.*user_8"):
            call(tf.constant(["user_1", "user_8"]))
        assert np.asarray(call(tf.constant(["user_1", "user_7"]))).tolist() == [1, 0]


def test_ids_are_saved_as_arrays_and_not_as_configuration(tmp_path: Path) -> None:
    _model(TEXTS).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert "Zo" not in archive.read("config.json").decode()
        assert "Zoë".encode() in archive.read("model.weights.h5")
    config = IdLookup(TEXTS).get_config()
    assert {key: config[key] for key in ("prefix", "size", "warm")} == {"prefix": None, "size": 6, "warm": 5}


@pytest.mark.parametrize("vocabulary", [NUMBERED, TEXTS], ids=["numbered", "text"])
def test_vocabulary_round_trips_through_a_file(vocabulary: Vocabulary, tmp_path: Path) -> None:
    _model(vocabulary).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").get_layer("user_lookup").vocabulary
    assert (list(loaded), loaded.prefix, loaded.warm) == (
        list(vocabulary),
        vocabulary.prefix,
        vocabulary.warm,
    )


def test_layer_without_ids_builds_a_graph_but_cannot_be_called() -> None:
    layer = IdLookup(prefix="user_", size=4, name="user_lookup")
    assert layer(keras.Input(shape=(), dtype="string")).dtype == "int32"
    with pytest.raises(ValueError, match="user_lookup has no ids yet"):
        layer(tf.constant(["user_1"]))


@pytest.mark.parametrize(
    ("layer", "arrays"),
    [
        (IdLookup(prefix="user_", size=5), NUMBERED.to_arrays()),
        (IdLookup(prefix="user_", size=3), NUMBERED.to_arrays()),
        (IdLookup(prefix=None, size=4), NUMBERED.to_arrays()),
        (IdLookup(prefix="user_", size=6), TEXTS.to_arrays()),
        (IdLookup(prefix=None, size=7), TEXTS.to_arrays()),
        (IdLookup(prefix="user_", size=4), {}),
        (IdLookup(prefix="user_", size=4), {**NUMBERED.to_arrays(), "more": np.zeros(4, dtype=np.uint32)}),
        (IdLookup(prefix="user_", size=2), {"numbers": np.array([3, 3], dtype=np.uint32)}),
        (IdLookup(prefix="user_", size=2), {"numbers": np.array([[3, 4]], dtype=np.uint32)}),
        (IdLookup(prefix="user_", size=2), {"numbers": np.array([3.0, 4.0])}),
    ],
)
def test_arrays_of_another_vocabulary_are_rejected(layer: Any, arrays: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{layer.name}[ :].* ids"):
        layer.load_own_variables(arrays)
    with pytest.raises(ValueError, match="has no ids yet"):
        layer(["user_1"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "size must be a whole number, not None"),
        ({"size": 0}, "smallest legal size is 1"),
        ({"size": 3, "warm": 4}, "largest legal warm is the size, 3"),
        ({"size": 3, "warm": -1}, "smallest legal warm is 0"),
    ],
)
def test_illegal_sizes_are_rejected(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        IdLookup(**arguments)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1, unique=True
    )
)
def test_every_text_is_mapped_to_its_index(texts: list[str]) -> None:
    layer = IdLookup(Vocabulary.from_texts(texts))
    assert np.asarray(layer(tf.constant(texts[::-1]))).tolist() == list(range(len(texts)))[::-1]


@pytest.mark.long
@pytest.mark.parametrize("numbered", [True, False], ids=["numbered", "text"])
def test_a_million_ids_save_and_load_in_seconds(numbered: bool, tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).permutation(1_000_000)
    vocabulary = (
        Vocabulary.from_numbers(numbers, "user_")
        if numbered
        else Vocabulary.from_texts([f"ü{n}" for n in numbers])
    )
    started = time.perf_counter()
    _model(vocabulary).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.asarray(loaded(tf.constant([vocabulary[999_999], vocabulary[0]]))).tolist() == [999_999, 0]
    assert time.perf_counter() - started < 10


def _model(vocabulary: Vocabulary) -> Any:
    ids = keras.Input(shape=(), dtype="string", name="user_id")
    return keras.Model(ids, IdLookup(vocabulary, name="user_lookup")(ids))
