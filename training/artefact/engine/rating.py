"""Evaluates a whole model in NumPy: from indices to ratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.rating_scale import DEFAULT_SCALE
from training.families.table import Floats, Index, SideTable

# Pairs rated at a time: limits the memory of looked-up embeddings and keeps them in the CPU cache.
BLOCK: Final = 2_048
# Beyond this, the sigmoid in float32 is 0 or 1, and the exponential would overflow.
_LARGEST: Final = 80.0


@dataclass(frozen=True, slots=True)
class RatingTables:
    """`low + width * sigmoid(user . movie + global_bias + user_bias + movie_bias)`; every bias is optional.

    A pair gets the same rating alone and in a batch, bit for bit, because every step works on one row at a
    time, or on blocks of a fixed shape.

    Attributes:
        users: Embeddings of users.
        movies: Embeddings of movies, of the same length.
        user_bias: One number for each user, or None.
        movie_bias: One number for each movie, or None.
        global_bias: Bias added to all pairs, or None.
        low: Lowest rating of the scale.
        width: Highest minus lowest rating.
    """

    users: SideTable
    movies: SideTable
    user_bias: NDArray[np.floating] | None = None
    movie_bias: NDArray[np.floating] | None = None
    global_bias: np.float32 | None = None
    low: float = DEFAULT_SCALE.low
    width: float = DEFAULT_SCALE.width

    def rate_one(self, user_index: int, movie_index: int) -> float:
        """Return the rating of one pair, equal to those from `rate`."""
        match = self.users.row(user_index).dot(self.movies.row(movie_index))
        if self.global_bias is not None:
            match += self.global_bias
        if self.user_bias is not None:
            match += np.float32(self.user_bias[user_index])
        if self.movie_bias is not None:
            match += np.float32(self.movie_bias[movie_index])
        if not -_LARGEST <= match <= _LARGEST:
            match = np.float32(_LARGEST if match > 0 else -_LARGEST)
        rating = self.width / (1 + np.exp(-match))
        return float(rating + self.low if self.low else rating)

    def rate(self, user_index: Index, movie_index: Index) -> Floats:
        """Return `(n,)` ratings of `(n,)` pairs, computed in blocks."""
        if user_index.size <= BLOCK:
            return self._rate(user_index, movie_index)
        rated = np.empty(user_index.size, np.float32)
        for start in range(0, user_index.size, BLOCK):
            block = slice(start, start + BLOCK)
            rated[block] = self._rate(user_index[block], movie_index[block])
        return rated

    def rate_for(self, user_index: int, movie_index: Index) -> Floats:
        """Rate `(n,)` movies for one user, equal to `rate`; n must be small."""
        return self._rate(user_index, movie_index)

    def affinities(self, user_index: int) -> Floats:
        """Return `(movies,)` scores that increase with the user's predicted ratings, up to rounding."""
        found = self.movies.products(self.users.row(user_index))
        if self.movie_bias is not None:
            found = found + self.movie_bias
        return found

    def user_vectors(self, user_index: Index) -> Floats:
        """Return the `(n, dim)` embeddings of users, biases included (see `with_biases`)."""
        vectors, bias = self.users.rows(user_index), self.user_bias
        return vectors if bias is None else with_biases(vectors, bias[user_index], 1)

    def movie_vectors(self, movie_index: Index) -> Floats:
        """Return the `(n, dim)` embeddings of movies, biases included."""
        vectors, bias = self.movies.rows(movie_index), self.movie_bias
        return vectors if bias is None else with_biases(vectors, 1, bias[movie_index])

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        held: list[Any] = [self.users, self.movies, self.user_bias, self.movie_bias, self.global_bias]
        return sum(array.nbytes for array in held if array is not None)

    def _rate(self, user_index: Index | int, movie_index: Index) -> Floats:
        users = self.users.row(user_index) if isinstance(user_index, int) else self.users.rows(user_index)
        match: Any = np.vecdot(users, self.movies.rows(movie_index))
        if self.global_bias is not None:
            match += self.global_bias
        if self.user_bias is not None:
            match += self.user_bias[user_index]
        if self.movie_bias is not None:
            match += self.movie_bias[movie_index]
        np.maximum(match, -_LARGEST, out=match)
        np.minimum(match, _LARGEST, out=match)
        rated: Floats = self.width / (1 + np.exp(-match))
        if self.low:
            rated += np.float32(self.low)
        return rated


def with_biases(vectors: Any, user_bias: Any, movie_bias: Any) -> NDArray[np.float32]:
    """Append two columns to `(n, dim)` embeddings, so that the dot product of two sides adds their biases.

    The biases of the embeddings' own side are `(n,)`; that of the other side is 1.
    """
    columns = [
        np.broadcast_to(np.asarray(bias, np.float32), len(vectors)) for bias in (user_bias, movie_bias)
    ]
    return np.column_stack([vectors, *columns])


def rounded(ratings: NDArray[np.floating]) -> NDArray[np.float64]:
    """Round ratings to 6 decimals for an answer, which is the precision of a float32 below 5."""
    return ratings.astype(np.float64).round(6)
