"""The layer that computes a rating from two embeddings."""

from __future__ import annotations

from typing import Any

import keras

from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale
from training.layers.legal import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class RatingHead(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Predicted rating: `low + (high - low) * sigmoid(match)`.

    The match is `user_embedding . movie_embedding + global_bias + biases`.

    Input: two embeddings `(..., dim)`, and two biases `(..., 1)` if users and movies have any.
    Output: `(...)` float32, between `low` and `high`, independent of the precision of the embeddings.

    Args:
        global_bias: Whether there is a global bias, one float32 weight; without it the layer has none.
        low: Lowest rating of the scale.
        high: Highest rating of the scale.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        global_bias: bool = False,
        low: float = DEFAULT_SCALE.low,
        high: float = DEFAULT_SCALE.high,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.has_global_bias = bool(global_bias)
        self.scale = RatingScale(float(low), float(high), None)

    def build(
        self,
        user_embedding_shape: Any,
        movie_embedding_shape: Any,
        user_bias_shape: Any = None,  # noqa: ARG002
        movie_bias_shape: Any = None,  # noqa: ARG002
    ) -> None:
        """Check that both embeddings have equal length, and create the global bias if any.

        Raises:
            ValueError: If the lengths differ.
        """
        if user_embedding_shape[-1] != movie_embedding_shape[-1]:
            raise ValueError(
                f"embeddings differ in length: {user_embedding_shape[-1]} for users, "
                f"{movie_embedding_shape[-1]} for movies"
            )
        if self.has_global_bias and not self.built:
            self.global_bias = self.add_weight(
                shape=(), dtype="float32", initializer="zeros", autocast=False, name="global_bias"
            )

    def call(
        self, user_embedding: Any, movie_embedding: Any, user_bias: Any = None, movie_bias: Any = None
    ) -> Any:
        """Return the ratings `(...)` of embeddings `(..., dim)` and biases `(..., 1)`."""
        match = keras.ops.sum(keras.ops.multiply(user_embedding, movie_embedding), axis=-1)
        match = keras.ops.cast(match, "float32")
        if self.has_global_bias:
            match = match + self.global_bias
        for bias in (user_bias, movie_bias):
            if bias is not None:
                match = match + keras.ops.cast(keras.ops.squeeze(bias, -1), "float32")
        return self.scale.from_share(keras.ops.sigmoid(match))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {
            **super().get_config(),
            "global_bias": self.has_global_bias,
            "low": self.scale.low,
            "high": self.scale.high,
        }
