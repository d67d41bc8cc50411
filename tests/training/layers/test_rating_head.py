from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.contracts.layer_contract import Array, LayerContract
from training.layers import RatingHead


class TestRatingHead(LayerContract):
    parameter_count = 0

    def make_layer(self) -> Any:
        return RatingHead()

    def inputs(self) -> list[Array]:
        return [np.linspace(start, 1, 12, dtype=np.float32).reshape(4, 3) for start in (-1, 0)]

    def test_layer_accepts_any_leading_shape(self) -> None:
        users, movies = self.inputs()
        flat = np.asarray(self.make_layer()(users, movies))
        tall = np.asarray(self.make_layer()(users[:, None], movies[:, None]))
        assert tall[:, 0].tolist() == flat.tolist()


class TestRatingHeadWithBiases(LayerContract):
    parameter_count = 1

    def make_layer(self) -> Any:
        return RatingHead(global_bias=True)

    def inputs(self) -> list[Array]:
        widths = (3, 3, 1, 1)
        return [np.linspace(-1, width, 4 * width, dtype=np.float32).reshape(4, width) for width in widths]

    def test_layer_accepts_any_leading_shape(self) -> None:
        flat = np.asarray(self.make_layer()(*self.inputs()))
        tall = np.asarray(self.make_layer()(*[array[:, None] for array in self.inputs()]))
        assert tall[:, 0].tolist() == flat.tolist()


def test_biases_are_added_before_the_sigmoid() -> None:
    head = RatingHead(global_bias=True)
    user, movie = np.array([[1.0, 2.0]]), np.array([[0.5, -0.25]])  # a match of 0
    head.build(user.shape, movie.shape)
    head.global_bias.assign(0.25)
    rated = head(user, movie, np.array([[0.5]]), np.array([[math.log(3) - 0.75]]))
    np.testing.assert_allclose(np.asarray(rated), [3.75], atol=1e-6)


def test_ratings_match_hand_computed_values() -> None:
    users = np.array([[1.0, 2.0], [math.log(3), 0.0], [100.0, 0.0], [-100.0, 0.0]], dtype=np.float32)
    movies = np.array([[0.5, -0.25], [1.0, 9.0], [1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(np.asarray(RatingHead()(users, movies)), [2.5, 3.75, 5.0, 0.0], atol=1e-6)


def test_half_precision_embeddings_give_full_precision_ratings() -> None:
    ratings = RatingHead(dtype="mixed_float16")(np.ones((2, 3), "float16"), np.ones((2, 3), "float16"))
    assert ratings.dtype == "float32"


def test_embeddings_of_different_length_are_rejected() -> None:
    with pytest.raises(ValueError, match="3 for users, 4 for movies"):
        RatingHead()(np.ones((2, 3)), np.ones((2, 4)))
