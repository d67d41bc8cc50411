"""From two embeddings to a rating."""

from __future__ import annotations

from typing import Any, Final

import keras

from training.layers.legal import PACKAGE

MAX_STARS: Final = 5.0


@keras.saving.register_keras_serializable(package=PACKAGE)
class RatingHead(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Predicted rating in stars, `5 * sigmoid(user_embedding . movie_embedding)`.

    Input: two embeddings `(..., dim)`. Output: `(...)` float32, between 0 and 5, whatever the precision
    that the embeddings are computed in. The layer has no weights.
    """

    def build(self, user_embedding_shape: Any, movie_embedding_shape: Any) -> None:
        """Check that both embeddings are equally long; there is nothing to create.

        Raises:
            ValueError: They are not.
        """
        if user_embedding_shape[-1] != movie_embedding_shape[-1]:
            raise ValueError(
                f"embeddings differ in length: {user_embedding_shape[-1]} for users, "
                f"{movie_embedding_shape[-1]} for movies"
            )

    def call(self, user_embedding: Any, movie_embedding: Any) -> Any:
        """Ratings `(...)` of embeddings `(..., dim)`."""
        match = keras.ops.sum(keras.ops.multiply(user_embedding, movie_embedding), axis=-1)
        return MAX_STARS * keras.ops.sigmoid(keras.ops.cast(match, "float32"))

    def compute_output_shape(
        self,
        user_embedding_shape: Any,
        movie_embedding_shape: Any,  # noqa: ARG002 - Keras passes one shape for each input
    ) -> tuple[int | None, ...]:
        """`(...)` for embeddings `(..., dim)`."""
        return tuple(user_embedding_shape[:-1])

    def compute_output_spec(self, user_embedding: Any, movie_embedding: Any) -> Any:
        """The same as `compute_output_shape`, and always float32."""
        shape = self.compute_output_shape(user_embedding.shape, movie_embedding.shape)
        return keras.KerasTensor(shape, dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """What every layer has; there are no settings."""
        return dict(super().get_config())
