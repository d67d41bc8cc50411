"""Tests for every model; the test class of a model provides its settings and its size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.contracts.fresh_process import predict_in_fresh_process
from training.artefact.ids.vocabulary import Vocabulary
from training.models.rating_model import RatingModel, build_rating_model, indexed_view
from training.settings import ModelSettings

# Ids by falling popularity, in no numeric order; movie ids are text without numbers.
USERS = Vocabulary.from_numbers(np.random.default_rng(1).permutation(np.arange(100, 153)), "user_")
MOVIES = Vocabulary.from_texts([f"Film n° {place}" for place in range(41)])
USER_POPULARITY, MOVIE_POPULARITY = np.arange(53)[::-1], np.arange(41)[::-1]


class ModelContract:
    """Tests that every model must pass.

    Attributes:
        settings: The model's.
        parameter_count: Its parameters for 6,040 users and 3,706 movies, by hand.
    """

    settings: ModelSettings
    parameter_count: int

    def test_number_of_parameters_on_movielens_1m(self) -> None:
        model = build_rating_model(
            self.settings, 6_040, 3_706, np.arange(3_706)[::-1], np.arange(6_040)[::-1]
        )
        assert model.indexed.count_params() == self.parameter_count

    def test_resolving_is_idempotent_and_settings_round_trip(self) -> None:
        arguments = (53, 41, MOVIE_POPULARITY, USER_POPULARITY)
        resolved = self.settings.resolve(*arguments)
        assert resolved.resolve(*arguments) == resolved
        assert ModelSettings.model_validate_json(resolved.model_dump_json()) == resolved
        assert resolved == self._build().settings

    def test_saved_file_and_indexed_model_agree_on_every_pair(self, tmp_path: Path) -> None:
        model = self._build()
        user_index, movie_index = _all_pairs()
        expected = np.asarray(model.indexed([user_index, movie_index]))
        assert expected.shape == (53 * 41,)
        assert expected.dtype == np.float32
        with_ids = model.with_ids(USERS, MOVIES)
        assert [symbol.name for symbol in with_ids.inputs] == ["user_id", "movie_id"]
        assert with_ids.name == self.settings.name
        assert with_ids.count_params() == model.indexed.count_params()
        with_ids.save(tmp_path / "model.keras")
        user_ids = np.array([USERS[int(index)] for index in user_index], dtype=object)
        movie_ids = np.array([MOVIES[int(index)] for index in movie_index], dtype=object)
        fresh = predict_in_fresh_process(
            tmp_path / "model.keras", [user_ids, movie_ids], type(self.settings.users).__module__
        )
        np.testing.assert_allclose(fresh, expected, rtol=0, atol=1e-6)
        loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
        by_name = loaded({"movie_id": tf.constant(movie_ids), "user_id": tf.constant(user_ids)})
        np.testing.assert_allclose(np.asarray(by_name), expected, rtol=0, atol=1e-6)
        view = indexed_view(loaded)
        assert [(symbol.name, symbol.dtype) for symbol in view.inputs] == [
            ("user_index", "int32"),
            ("movie_index", "int32"),
        ]
        np.testing.assert_allclose(np.asarray(view([user_index, movie_index])), expected, rtol=0, atol=1e-6)

    def test_compiled_training_changes_every_weight_and_the_model_on_ids(self) -> None:
        model = self._build()
        before = [weight.numpy().copy() for weight in model.indexed.weights]
        with_ids = model.with_ids(USERS, MOVIES)
        user_index, movie_index = _all_pairs()
        ratings = (1 + (3 * user_index + 5 * movie_index) % 5).astype(np.float32)
        model.indexed.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", jit_compile=True)
        history = model.indexed.fit(
            (user_index, movie_index), ratings, batch_size=53 * 41, epochs=4, verbose=0
        )
        losses = history.history["loss"]
        assert losses[-1] < losses[0]
        for weight, start in zip(model.indexed.weights, before, strict=True):
            assert np.any(weight.numpy() != start), weight.path
        text = with_ids([tf.constant([USERS[52]]), tf.constant([MOVIES[40]])])
        index = model.indexed([np.array([52], dtype=np.int32), np.array([40], dtype=np.int32)])
        assert np.asarray(text).tolist() == np.asarray(index).tolist()

    def test_initial_weights_are_determined_by_the_seed(self) -> None:
        first, second = (self._build().indexed.get_weights() for _ in range(2))
        assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))

    def _build(self) -> RatingModel:
        keras.utils.set_random_seed(3)
        return build_rating_model(self.settings, 53, 41, MOVIE_POPULARITY, USER_POPULARITY)


def _all_pairs() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    pairs = np.arange(53 * 41, dtype=np.int32)
    return pairs // np.int32(41), pairs % np.int32(41)
