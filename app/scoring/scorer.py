"""What a scorer is: ids in, ratings out, whatever engine reads the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.artefact import Artefact, Fallback, Manifest, RawId, Vocabulary


class Engine(Protocol):
    """Turns indices of warm ids into ratings. Called from several threads at once."""

    @property
    def weights_bytes(self) -> int:
        """Bytes of the weight arrays as this process holds them."""

    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Ratings of pairs.

        Args:
            user_index: `(n,)`, each an index of a warm user.
            movie_index: `(n,)`, each an index of a warm movie.

        Returns:
            `(n,)` stars. Row i depends on pair i alone.
        """


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Ratings, and which of them are a model's and which a mean's.

    Attributes:
        ratings: `(n,)` stars.
        known_user: `(n,)` whether the user has training ratings.
        known_movie: `(n,)` whether the movie has.
    """

    ratings: NDArray[np.float32]
    known_user: NDArray[np.bool_]
    known_movie: NDArray[np.bool_]

    @property
    def cold(self) -> NDArray[np.bool_]:
        """`(n,)` whether either side has no training ratings, so that the fallback answered."""
        return ~(self.known_user & self.known_movie)

    def rounded(self) -> list[float]:
        """The ratings as they are told, with 6 decimals."""
        return rounded(self.ratings)


def rounded(ratings: NDArray[np.float32]) -> list[float]:
    """Stars with 6 decimals, which is what a float32 below 5 holds."""
    told: list[float] = np.round(ratings.astype(np.float64), 6).tolist()
    return told


class RatingScorer:
    """A loaded model: turns pairs of ids into ratings, and says which ids it never learnt about."""

    def __init__(
        self, manifest: Manifest, users: Vocabulary, movies: Vocabulary, fallback: Fallback, engine: Engine
    ) -> None:
        self.manifest = manifest
        self.users = users
        self.movies = movies
        self._fallback = fallback
        self._engine = engine

    @classmethod
    def from_artefact(cls, artefact: Artefact, engine: Engine) -> RatingScorer:
        """The scorer of an opened artefact. Lets go of the archive, whose arrays the engine holds."""
        return cls(artefact.manifest, artefact.users, artefact.movies, artefact.fallback, engine)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def resident_bytes(self) -> int:
        """Bytes of arrays that this process holds for the model: weights, ids with their index, means."""
        return self._engine.weights_bytes + sum(
            value.nbytes
            for held in (self.users, self.movies, self._fallback)
            for value in vars(held).values()
            if isinstance(value, np.ndarray)
        )

    def score(self, user_ids: Sequence[RawId], movie_ids: Sequence[RawId]) -> ScoredPairs:
        """Rate pairs of ids, cold ones by the fallback.

        Args:
            user_ids: n ids, as a caller may write them.
            movie_ids: n ids; the pair at i is `user_ids[i]`, `movie_ids[i]`.
        """
        return self.score_indices(self.users.indices(user_ids), self.movies.indices(movie_ids))

    def score_indices(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> ScoredPairs:
        """Rate pairs of indices. One that is outside the warm ones never reaches a table.

        Args:
            user_index: `(n,)`, -1 for an unknown user.
            movie_index: `(n,)`, -1 for an unknown movie.
        """
        known_user = (user_index >= 0) & (user_index < self.users.warm)
        known_movie = (movie_index >= 0) & (movie_index < self.movies.warm)
        warm = known_user & known_movie
        if warm.all():
            return ScoredPairs(self._engine.rate(user_index, movie_index), known_user, known_movie)
        ratings = np.empty(user_index.shape, dtype=np.float32)
        ratings[warm] = self._engine.rate(user_index[warm], movie_index[warm])
        ratings[~warm] = self._fallback.rate(user_index[~warm], movie_index[~warm])
        return ScoredPairs(ratings, known_user, known_movie)
