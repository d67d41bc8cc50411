"""Whole models as arrays: from indices to ratings, in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.families.table import Floats, Index, SideTable

MAX_STARS: Final = 5.0
# Pairs that are rated at a time: bounds the memory that looked-up embeddings take, and keeps them in the
# processor's cache.
BLOCK: Final = 2_048
# Beyond this a sigmoid in float32 is 0 or 1 anyway; the exponential of more would overflow.
_LARGEST: Final = 80.0


@dataclass(frozen=True, slots=True)
class RatingTables:
    """`5 * sigmoid(user . movie + global_bias + user_bias + movie_bias)`, the biases where there are any.

    A pair is rated alike alone and in a batch, bit for bit: every step works on one row at a time, or on
    blocks of one shape.

    Attributes:
        users: Users' embeddings.
        movies: Movies' embeddings, as long as the users'.
        user_bias: One number for each user, or None.
        movie_bias: One number for each movie, or None.
        global_bias: Added to all.
    """

    users: SideTable
    movies: SideTable
    user_bias: NDArray[np.floating] | None = None
    movie_bias: NDArray[np.floating] | None = None
    global_bias: np.float32 | None = None

    def rate_one(self, user_index: int, movie_index: int) -> float:
        """Stars of one pair, the same as `rate` says."""
        match = self.users.row(user_index).dot(self.movies.row(movie_index))
        if self.global_bias is not None:
            match += self.global_bias
        if self.user_bias is not None:
            match += np.float32(self.user_bias[user_index])
        if self.movie_bias is not None:
            match += np.float32(self.movie_bias[movie_index])
        if not -_LARGEST <= match <= _LARGEST:
            match = np.float32(_LARGEST if match > 0 else -_LARGEST)
        return float(MAX_STARS / (1 + np.exp(-match)))

    def rate(self, user_index: Index, movie_index: Index) -> Floats:
        """`(n,)` stars of `(n,)` pairs, computed in blocks."""
        if user_index.size <= BLOCK:
            return self._rate(user_index, movie_index)
        rated = np.empty(user_index.size, np.float32)
        for start in range(0, user_index.size, BLOCK):
            block = slice(start, start + BLOCK)
            rated[block] = self._rate(user_index[block], movie_index[block])
        return rated

    def rate_for(self, user_index: int, movie_index: Index) -> Floats:
        """`(n,)` stars of one user's pairs with `(n,)` movies, the same as `rate` says; n is small."""
        return self._rate(user_index, movie_index)

    def affinities(self, user_index: int) -> Floats:
        """`(movies,)` numbers that grow with the user's rating of each movie, up to rounding."""
        found = self.movies.products(self.users.row(user_index))
        if self.movie_bias is not None:
            found = found + self.movie_bias
        return found

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
        rated: Floats = MAX_STARS / (1 + np.exp(-match))
        return rated
