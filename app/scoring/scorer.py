"""The scorer: maps ids to ratings, with any engine that maps indices to ratings."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from app.scoring.rating_counter import NO_COUNTER, RatingCounter
from training.artefact import (
    Artefact,
    Fallback,
    GivenRatings,
    Manifest,
    RankingTable,
    RawId,
    Uncertainty,
    Vocabulary,
)
from training.artefact.engine import ScoredPairs, best_movies, highest, movie_indices, rate_with_fallback
from training.artefact.fallback import every_mean


class Engine(ABC):
    """Turns indices of warm ids into ratings. Must be thread-safe."""

    @property
    @abstractmethod
    def weights_bytes(self) -> int:
        """Bytes of the weight arrays in this process."""

    @abstractmethod
    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return `(n,)` ratings of pairs of `(n,)` indices of warm ids; row i depends on pair i alone."""

    def rate_one(self, user_index: int, movie_index: int) -> float:
        """Rate one pair of warm ids; equal to `rate` for the same pair."""
        return float(self.rate(np.array([user_index], np.int32), np.array([movie_index], np.int32))[0])

    def rate_for(self, user_index: int, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rate `(n,)` warm movies for one warm user; equal to `rate` for the same pairs."""
        return self.rate(np.full_like(movie_index, user_index), movie_index)

    def affinities(self, user_index: int, movies: int) -> NDArray[np.float32]:
        """Return `(movies,)` sort keys that increase with a warm user's rating of each movie, up to rounding.

        They are those of the first `movies` movies. The caller may modify the array.
        """
        return self.rate(np.full(movies, user_index, np.int32), np.arange(movies, dtype=np.int32))


@runtime_checkable
class VectorEngine(Protocol):
    """An engine that exposes its embeddings; a rating is `low + (high - low) sigmoid(u . m + global_bias)`.

    The vectors include the biases (see `training.artefact.engine.with_biases`).
    """

    @property
    def global_bias(self) -> float:
        """The bias that is added to every pair before the sigmoid."""

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of `(n,)` warm users."""

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of `(n,)` warm movies."""


@dataclass(eq=False)
class RatingScorer:
    """A loaded model: turns pairs of ids into ratings, and reports which ids have no training ratings.

    Attributes:
        fallback: Rates cold pairs.
        engine: Rates all other pairs.
        given: The training ratings, if the artefact has them.
        ranking: Orders movies by how likely a user is to like them, if the artefact has one.
        uncertainty: Distributions of ratings around its predictions, likewise.
        counter: Counts its predictions.
    """

    manifest: Manifest
    users: Vocabulary
    movies: Vocabulary
    fallback: Fallback
    engine: Engine
    given: GivenRatings | None = None
    ranking: RankingTable | None = None
    uncertainty: Uncertainty | None = None
    counter: RatingCounter = NO_COUNTER

    @classmethod
    def from_artefact(cls, artefact: Artefact, engine: Engine) -> Self:
        """Make the scorer of an opened artefact. It keeps no reference to the archive."""
        return cls(
            artefact.manifest,
            artefact.users,
            artefact.movies,
            artefact.fallback,
            engine,
            artefact.given,
            artefact.ranking,
            artefact.uncertainty,
        )

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def resident_bytes(self) -> int:
        """Bytes of this process's arrays: weights, ids with their index, means, ratings, ranking, classes."""
        parts = (self.users, self.movies, self.given, self.uncertainty)
        held = [vars(one) for one in parts if one is not None]
        arrays = [value for fields in held for value in fields.values() if isinstance(value, np.ndarray)]
        ranking = 0 if self.ranking is None else self.ranking.nbytes
        return self.engine.weights_bytes + self.fallback.nbytes + ranking + sum(one.nbytes for one in arrays)

    def score(self, user_ids: Sequence[RawId], movie_ids: Sequence[RawId]) -> ScoredPairs:
        """Rate the pairs of n user ids and n movie ids; the fallback rates cold pairs."""
        return self.score_indices(
            self.users.indices(user_ids), movie_indices(self.fallback, self.movies, movie_ids)
        )

    def rate_known(self, user_id: RawId, movie_id: RawId) -> float | None:
        """Rate one pair as `score` does, with 6 decimals. Return None if either side is cold."""
        user, movie = self.users.index(user_id), self.movies.index(movie_id)
        if not (0 <= user < self.users.warm and 0 <= movie < self.movies.warm):
            return None
        rating = round(self.engine.rate_one(user, movie), 6)
        self.counter.one(rating)
        return rating

    def top(
        self, user_id: RawId, n: int, exclude: Sequence[RawId] = (), exclude_rated: bool = False
    ) -> tuple[Sequence[str], NDArray[np.float32]]:
        """Return the movies with the highest predicted ratings for a user, best first.

        Args:
            user_id: The user; without training ratings, movies are ranked by mean rating.
            n: Maximum number of movies.
            exclude: Movies to leave out, such as those already seen. Unknown ids are ignored.
            exclude_rated: Whether to leave out movies that the user rated, if the artefact has the ratings.

        Returns:
            Movie ids and their ratings, which equal those of `score`. Only warm movies are returned, so there
            may be fewer than `n`.
        """
        self.counter.ranking()
        user, movies = self.users.index(user_id), self.movies.warm
        warm = 0 <= user < self.users.warm
        keys = self.engine.affinities(user, movies) if warm else every_mean(self.fallback.movie_means)
        excluded = self._excluded(user, exclude, exclude_rated)
        # They are rated again as pairs, because the sort keys are rounded differently.
        best, stars = best_movies(
            keys, n, excluded, lambda movies: self.engine.rate_for(user, movies) if warm else keys[movies]
        )
        return self.movies.at(best), stars

    def ordered_by(
        self,
        keys: NDArray[np.float32],
        user: int,
        n: int,
        exclude: Sequence[RawId] = (),
        exclude_rated: bool = False,
    ) -> tuple[Sequence[str], NDArray[np.float32]]:
        """Return the movies with the highest keys for a warm user, best first, and their ratings.

        Args:
            keys: `(movies,)` sort keys of the warm movies, which may be overwritten.
            user: Index of the user.
            n: Maximum number of movies.
            exclude: As for `top`.
            exclude_rated: Likewise.
        """
        self.counter.ranking()
        best = highest(keys, n, self._excluded(user, exclude, exclude_rated))
        return self.movies.at(best), self.engine.rate_for(user, best)

    def ratings_of(self, user: int) -> NDArray[np.float32]:
        """Return the `(movies,)` ratings of all warm movies by a warm user."""
        return self.engine.rate_for(user, np.arange(self.movies.warm, dtype=np.int32))

    def _excluded(self, user: int, exclude: Sequence[RawId], exclude_rated: bool) -> NDArray[np.int32]:
        excluded = self.warm_movies(exclude)
        if exclude_rated and self.given is not None and user >= 0:
            rated = self.given.of_user(user)[0]
            excluded = np.append(excluded, rated[rated < self.movies.warm])
        return excluded

    def warm_movies(self, movie_ids: Sequence[RawId]) -> NDArray[np.int32]:
        """Return the indices of the movies that have training ratings; other ids are dropped."""
        indices = self.movies.indices(movie_ids)
        return indices[(indices >= 0) & (indices < self.movies.warm)]

    def score_indices(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> ScoredPairs:
        """Rate pairs of `(n,)` indices, -1 for an unknown id. Indices of cold ids never reach the engine."""
        scored = rate_with_fallback(
            self.engine.rate, self.fallback, user_index, movie_index, self.users.warm, self.movies.warm
        )
        self.counter.many(scored.ratings, ~scored.cold)
        return scored
