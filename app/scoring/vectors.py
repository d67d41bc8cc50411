"""Access to an engine's embeddings, which fold-in needs."""

from __future__ import annotations

from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class VectorEngine(Protocol):
    """An engine that exposes its embeddings; a rating is `5 * sigmoid(u . m + global_bias)`.

    The vectors include the biases: a user's bias is multiplied by a column of ones in the movie vectors, and
    vice versa.
    """

    @property
    def global_bias(self) -> float:
        """The bias that is added to every pair before the sigmoid."""

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of `(n,)` warm users."""

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of `(n,)` warm movies."""


def joined(
    vectors: NDArray[Any], biases: tuple[Any, Any], side: Literal["user", "movie"]
) -> NDArray[np.float32]:
    """Append the biases to embeddings: `(n, dim + 2)`, or `vectors` unchanged if the model has no biases.

    Args:
        vectors: `(n, dim)` embeddings.
        biases: User and movie biases, None if the model has none; those of `side` have shape `(n,)`.
        side: Whose embeddings they are.
    """
    exact = vectors.astype(np.float32, copy=False)
    if biases[0] is None and biases[1] is None:
        return exact
    columns = [
        np.ones(len(exact), np.float32) if name != side else np.asarray(bias, np.float32).reshape(-1)
        for name, bias in zip(("user", "movie"), biases, strict=True)
    ]
    return np.column_stack([exact, *columns])
