"""Embeddings as an engine holds them: what fold-in and nothing else needs to see."""

from __future__ import annotations

from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class VectorEngine(Protocol):
    """An engine that can tell its embeddings, so that a rating is `5 * sigmoid(u . m + global_bias)`.

    A model's biases are in the vectors: a user's bias meets a column of ones on the movies' side, and the
    other way round.
    """

    @property
    def global_bias(self) -> float:
        """Added to every pair, before the sigmoid."""

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """`(n, dim)` embeddings of warm users `(n,)`."""

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """`(n, dim)` embeddings of warm movies `(n,)`."""


def joined(
    vectors: NDArray[Any], biases: tuple[Any, Any], side: Literal["user", "movie"]
) -> NDArray[np.float32]:
    """`(n, dim + 2)` embeddings with their biases, or `vectors` as they are where the model has none.

    Args:
        vectors: `(n, dim)` embeddings.
        biases: What the model has of user and movie biases; of those of `side`, `(n,)` at these embeddings.
        side: Whose they are.
    """
    exact = vectors.astype(np.float32, copy=False)
    if biases[0] is None and biases[1] is None:
        return exact
    columns = [
        np.ones(len(exact), np.float32) if name != side else np.asarray(bias, np.float32).reshape(-1)
        for name, bias in zip(("user", "movie"), biases, strict=True)
    ]
    return np.column_stack([exact, *columns])
