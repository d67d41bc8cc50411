"""Rate pairs of indices: the model rates those of warm ids, and the fallback all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.rating import rounded
from training.artefact.fallback import Fallback
from training.artefact.ids.vocabulary import RawId, Vocabulary

Rate = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]
"""Maps `(n,)` indices of warm users and `(n,)` of warm movies to `(n,)` ratings."""


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Ratings of pairs, and which of them the model predicted rather than the fallback.

    Attributes:
        ratings: `(n,)`.
        known_user: `(n,)` whether the user has training ratings.
        known_movie: `(n,)` whether the movie has training ratings.
    """

    ratings: NDArray[np.float32]
    known_user: NDArray[np.bool_]
    known_movie: NDArray[np.bool_]

    @property
    def cold(self) -> NDArray[np.bool_]:
        """`(n,)` whether the fallback rated it, because the user or the movie has no training ratings."""
        return ~(self.known_user & self.known_movie)

    def rounded(self) -> list[float]:
        """The ratings as responses show them, with 6 decimals."""
        stars: list[float] = rounded(self.ratings).tolist()
        return stars


def movie_indices(
    fallback: Fallback,
    movies: Vocabulary,
    movie_ids: Sequence[RawId] | NDArray[np.int64],
    found: NDArray[np.int32] | None = None,
) -> NDArray[np.int32]:
    """Return `(n,)` indices of movies, also of those that only the fallback knows.

    Args:
        fallback: The model's.
        movies: The model's vocabulary.
        movie_ids: `(n,)` ids.
        found: Their indices in the vocabulary, if they are known already.
    """
    indices = movies.indices(movie_ids) if found is None else found  # type: ignore[arg-type]
    new = fallback.new_movies
    if new is not None and new.listed:
        for place in np.flatnonzero(indices < 0).tolist():
            raw = movie_ids[place]
            indices[place] = new.index(movies.canonical(raw if isinstance(raw, str) else int(raw)))
    return indices


def rate_with_fallback(
    rate: Rate,
    fallback: Fallback,
    user_index: NDArray[np.int32],
    movie_index: NDArray[np.int32],
    warm_users: int,
    warm_movies: int,
) -> ScoredPairs:
    """Rate pairs of `(n,)` indices, -1 for an unknown id.

    Args:
        rate: The model; it never gets an index of a cold id.
        fallback: Rates the other pairs.
        user_index: `(n,)`.
        movie_index: `(n,)`.
        warm_users: Number of users with training ratings, whose indices come first.
        warm_movies: Likewise for movies.
    """
    known_user = (user_index >= 0) & (user_index < warm_users)
    known_movie = (movie_index >= 0) & (movie_index < warm_movies)
    warm = known_user & known_movie
    if warm.all():
        return ScoredPairs(rate(user_index, movie_index), known_user, known_movie)
    ratings = np.empty(user_index.shape, dtype=np.float32)
    ratings[warm] = rate(user_index[warm], movie_index[warm])
    ratings[~warm] = fallback.rate(user_index[~warm], movie_index[~warm])
    return ScoredPairs(ratings, known_user, known_movie)
