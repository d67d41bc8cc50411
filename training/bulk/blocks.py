"""Score a block of users or pairs: pure functions, with exactly the answers of the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine import RatingTables, best_movies
from training.artefact.given_ratings import GivenRatings
from training.families.table import Floats

# Sort keys that differ by less, relative to the largest, may be ordered in another way by a product of
# matrices than by the service's product with one vector.
_MARGIN: Final = np.float32(1e-4)
# Users whose sort keys are in memory at a time, but fewer if there are more keys than this.
_USERS: Final = 128
_KEYS: Final = 16_000_000
# Movies of which the largest key is found first.
_GROUP: Final = 32


@dataclass(frozen=True)
class BestMovies:
    """The best movies of a block of users.

    Attributes:
        counts: `(users,)` number of movies of each user.
        movies: `(sum of counts,)` indices, best first within a user.
        ratings: `(sum of counts,)` their ratings.
    """

    counts: NDArray[np.int64]
    movies: NDArray[np.int32]
    ratings: Floats


@dataclass(frozen=True)
class Ranker:
    """Ranks the warm movies of a model for warm users.

    Attributes:
        tables: The model.
        movies: `(movies, dim)` embeddings of the warm movies.
        rated: The ratings whose movies are left out, or None.
    """

    tables: RatingTables
    movies: Floats
    rated: GivenRatings | None

    @classmethod
    def of(cls, tables: RatingTables, warm_movies: int, rated: GivenRatings | None) -> Ranker:
        """Return the ranker of a model, with its embeddings decoded."""
        return cls(tables, np.ascontiguousarray(tables.movies.rows(np.arange(warm_movies))), rated)

    def best(self, users: NDArray[np.int32], n: int) -> BestMovies:
        """Return the `n` best movies of each of the `(users,)` indices of warm users.

        One product of matrices gives the sort keys of all users. Where the last movie that is shown is so
        close to the next one that rounding may decide, the user is ranked alone, as the service does.
        """
        keys: Floats = self.tables.users.rows(users) @ self.movies.T
        if self.tables.movie_bias is not None:
            keys += self.tables.movie_bias[: len(self.movies)]
        self._leave_out(keys, users)
        bounds = _lower_bounds(keys, n + 1) if n < len(self.movies) else np.full(users.size, -np.inf)
        clear = np.isfinite(bounds)
        # The others have too few movies left, or show all of them.
        bounds[~clear] = np.inf
        places = np.flatnonzero(keys >= bounds[:, None])
        rows, movies = np.divmod(places, len(self.movies))
        found = keys.ravel()[places]
        order = np.lexsort((-found, rows))
        found, movies = found[order], movies[order].astype(np.int32)
        first = np.searchsorted(rows, np.flatnonzero(clear))
        last, following = found[first + n - 1], found[first + n]
        certain = following + _MARGIN * np.maximum(np.abs(last), 1) < last
        clear[clear] = certain
        best = movies[first[certain][:, None] + np.arange(n)]
        stars = self.tables.rate(np.repeat(users[clear], n), best.ravel()).reshape(best.shape)
        by_rating = np.lexsort((best, -stars), axis=1)
        best, stars = (np.take_along_axis(one, by_rating, axis=1) for one in (best, stars))
        if clear.all():
            return BestMovies(np.full(users.size, n, np.int64), best.ravel(), stars.ravel())
        chosen, ratings = [np.empty(0, np.int32)] * users.size, [np.empty(0, np.float32)] * users.size
        for place, row in enumerate(np.flatnonzero(clear).tolist()):
            chosen[row], ratings[row] = best[place], stars[place]
        for row in np.flatnonzero(~clear).tolist():
            chosen[row], ratings[row] = self.best_of(int(users[row]), n)
        counts = np.array([own.size for own in chosen], np.int64)
        return BestMovies(counts, np.concatenate(chosen), np.concatenate(ratings))

    def best_of(self, user: int, n: int) -> tuple[NDArray[np.int32], Floats]:
        """Return the `n` best movies of one warm user and their ratings, as the service does."""
        keys = self.tables.affinities(user)[: len(self.movies)]
        rated = np.empty(0, np.int32) if self.rated is None else self.rated.of_user(user)[0]
        return best_movies(
            keys, n, rated[rated < len(self.movies)], lambda movies: self.tables.rate_for(user, movies)
        )

    def _leave_out(self, keys: Floats, users: NDArray[np.int32]) -> None:
        """Overwrite the keys of the movies that each user rated."""
        if self.rated is None:
            return
        first, end = (self.rated.starts[users + step].astype(np.int64) for step in (0, 1))
        rows = np.repeat(np.arange(users.size), end - first)
        # The places of all of these ratings: those of each user follow each other.
        places = np.arange(rows.size) + np.repeat(
            first - (np.cumsum(end - first) - (end - first)), end - first
        )
        movies = self.rated.movies[places]
        warm = movies < len(self.movies)
        keys[rows[warm], movies[warm]] = -np.inf


@dataclass(frozen=True)
class BestOf:
    """What is computed for every block of users.

    Attributes:
        ranker: Ranks the movies.
        top: Number of movies for each user.
    """

    ranker: Ranker
    top: int


def best_of_users(users: NDArray[np.int32], task: BestOf) -> BestMovies:
    """Return the best movies of a block of users, with the sort keys of only a part of them in memory."""
    size = max(1, min(_USERS, _KEYS // len(task.ranker.movies)))
    parts = [users[start : start + size] for start in range(0, users.size, size)]
    return joined([task.ranker.best(part, task.top) for part in parts])


def joined(parts: Sequence[BestMovies]) -> BestMovies:
    """Return the best movies of consecutive blocks as those of one."""
    return BestMovies(*(np.concatenate([getattr(one, name) for one in parts]) for name in vars(parts[0])))


def _lower_bounds(keys: Floats, count: int) -> Floats:
    """Return `(rows,)` numbers, each of which at least `count` keys of its row reach, but few more.

    The largest keys of groups of movies are such keys: finding them takes a fraction of the time of
    `np.partition` of all keys.
    """
    rows, movies = keys.shape
    groups = movies // _GROUP
    if groups <= 2 * count:
        return np.partition(keys, -count, axis=1)[:, -count]
    largest = keys[:, : groups * _GROUP].reshape(rows, groups, _GROUP).max(axis=2)
    return np.partition(largest, -count, axis=1)[:, -count]
