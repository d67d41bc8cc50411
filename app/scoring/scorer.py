"""The scorer: takes ids and returns ratings, independent of the engine that reads the tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.scoring.rating_counter import NO_COUNTER, RatingCounter
from training.artefact import Artefact, Fallback, GivenRatings, Manifest, RawId, Vocabulary
from training.artefact.fallback import every_mean


class Engine(ABC):
    """Turns indices of warm ids into ratings. Must be thread-safe."""

    @property
    @abstractmethod
    def weights_bytes(self) -> int:
        """Bytes of the weight arrays in this process."""

    @abstractmethod
    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rate pairs of indices.

        Args:
            user_index: `(n,)`, each an index of a warm user.
            movie_index: `(n,)`, each an index of a warm movie.

        Returns:
            `(n,)` stars. Row i depends on pair i alone.
        """

    def rate_one(self, user_index: int, movie_index: int) -> float:
        """Rate one pair of warm ids; equal to `rate` for the same pair."""
        return float(self.rate(np.array([user_index], np.int32), np.array([movie_index], np.int32))[0])

    def rate_for(self, user_index: int, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rate `(n,)` warm movies for one warm user; equal to `rate` for the same pairs."""
        return self.rate(np.full_like(movie_index, user_index), movie_index)

    def affinities(self, user_index: int, movies: int) -> NDArray[np.float32]:
        """Return sort keys that increase with the user's rating of each movie, up to rounding.

        Args:
            user_index: A warm user.
            movies: Number of movies, by popularity rank.

        Returns:
            `(movies,)`; the caller may modify it.
        """
        return self.rate(np.full(movies, user_index, np.int32), np.arange(movies, dtype=np.int32))


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Ratings of pairs, and which of them the model predicted rather than the fallback.

    Attributes:
        ratings: `(n,)` stars.
        known_user: `(n,)` whether the user has training ratings.
        known_movie: `(n,)` whether the movie has training ratings.
    """

    ratings: NDArray[np.float32]
    known_user: NDArray[np.bool_]
    known_movie: NDArray[np.bool_]

    @property
    def cold(self) -> NDArray[np.bool_]:
        """`(n,)` whether the fallback answered because the user or the movie has no training ratings."""
        return ~(self.known_user & self.known_movie)

    def rounded(self) -> list[float]:
        """The ratings as responses show them, with 6 decimals."""
        return rounded(self.ratings)


def as_told(ratings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Round stars to 6 decimals, the precision of a float32 below 5."""
    return ratings.astype(np.float64).round(6)


def rounded(ratings: NDArray[np.float32]) -> list[float]:
    """Round stars to 6 decimals, as Python floats."""
    told: list[float] = as_told(ratings).tolist()
    return told


class RatingScorer:
    """A loaded model: turns pairs of ids into ratings, and reports which ids have no training ratings.

    Attributes:
        counter: Counts its answers.
    """

    def __init__(
        self,
        manifest: Manifest,
        users: Vocabulary,
        movies: Vocabulary,
        fallback: Fallback,
        engine: Engine,
        given: GivenRatings | None = None,
    ) -> None:
        self.manifest = manifest
        self.users = users
        self.movies = movies
        self._fallback = fallback
        self._engine = engine
        self.counter: RatingCounter = NO_COUNTER
        self.given = given

    @classmethod
    def from_artefact(cls, artefact: Artefact, engine: Engine) -> RatingScorer:
        """Make the scorer of an opened artefact. It keeps no reference to the archive."""
        return cls(
            artefact.manifest, artefact.users, artefact.movies, artefact.fallback, engine, artefact.given
        )

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def engine(self) -> Engine:
        """The engine that reads the tables."""
        return self._engine

    @property
    def resident_bytes(self) -> int:
        """Bytes of this process's arrays: weights, ids with their index, means and observed ratings."""
        return (
            self._engine.weights_bytes
            + self._fallback.nbytes
            + sum(
                value.nbytes
                for held in (self.users, self.movies, self.given)
                if held is not None
                for value in vars(held).values()
                if isinstance(value, np.ndarray)
            )
        )

    def score(self, user_ids: Sequence[RawId], movie_ids: Sequence[RawId]) -> ScoredPairs:
        """Rate pairs of ids; the fallback rates cold pairs.

        Args:
            user_ids: n ids in any form that the API accepts.
            movie_ids: n ids; the pair at i is `user_ids[i]`, `movie_ids[i]`.
        """
        return self.score_indices(self.users.indices(user_ids), self.movies.indices(movie_ids))

    def rate_known(self, user_id: RawId, movie_id: RawId) -> float | None:
        """Rate one pair as `score` does, with 6 decimals. Return None if either side is cold."""
        user, movie = self.users.index(user_id), self.movies.index(movie_id)
        if not (0 <= user < self.users.warm and 0 <= movie < self.movies.warm):
            return None
        stars = round(self._engine.rate_one(user, movie), 6)
        self.counter.one(stars)
        return stars

    def top(
        self, user_id: RawId, n: int, exclude: Sequence[RawId] = (), exclude_rated: bool = False
    ) -> list[tuple[str, float]]:
        """Return the movies with the highest predicted ratings for a user, best first.

        Args:
            user_id: The user; without training ratings, movies are ranked by mean rating.
            n: Maximum number of movies.
            exclude: Movies to leave out, such as those already seen. Unknown ids are ignored.
            exclude_rated: Whether to leave out movies that the user rated, if the artefact has the ratings.

        Returns:
            Pairs of movie id and stars; the stars equal those of `score`, with 6 decimals. Only warm
            movies are returned, so there may be fewer than `n`.
        """
        self.counter.ranking()
        user, movies = self.users.index(user_id), self.movies.warm
        warm = 0 <= user < self.users.warm
        keys = self._engine.affinities(user, movies) if warm else every_mean(self._fallback.movie_means)
        left = movies
        if exclude or exclude_rated:
            excluded = self._excluded(user, exclude, exclude_rated)
            keys[excluded] = -np.inf
            left -= excluded.size
        count = min(n, left)
        if count <= 0:
            return []
        best = (keys.argpartition(-count)[-count:] if count < movies else np.arange(movies)).astype(np.int32)
        # Rate them again as pairs, because the sort keys are rounded differently.
        stars = self._engine.rate_for(user, best) if warm else keys[best]
        order = np.lexsort((best, -stars))
        return list(zip(self.movies.at(best[order]), rounded(stars[order]), strict=True))

    def _excluded(self, user: int, exclude: Sequence[RawId], exclude_rated: bool) -> NDArray[np.int32]:
        """Return the distinct indices of the warm movies to leave out."""
        excluded = self.movies.indices(exclude)
        if exclude_rated and self.given is not None and user >= 0:
            excluded = np.concatenate([excluded, self.given.of_user(user)[0]])
        return np.unique(excluded[(excluded >= 0) & (excluded < self.movies.warm)])

    def score_indices(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> ScoredPairs:
        """Rate pairs of indices. Indices of cold ids never reach a table.

        Args:
            user_index: `(n,)`, -1 for an unknown user.
            movie_index: `(n,)`, -1 for an unknown movie.
        """
        known_user = (user_index >= 0) & (user_index < self.users.warm)
        known_movie = (movie_index >= 0) & (movie_index < self.movies.warm)
        warm = known_user & known_movie
        if warm.all():
            ratings = self._engine.rate(user_index, movie_index)
        else:
            ratings = np.empty(user_index.shape, dtype=np.float32)
            ratings[warm] = self._engine.rate(user_index[warm], movie_index[warm])
            ratings[~warm] = self._fallback.rate(user_index[~warm], movie_index[~warm])
        self.counter.many(ratings, warm)
        return ScoredPairs(ratings, known_user, known_movie)
