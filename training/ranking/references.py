"""Rankings to compare with: popularity, EASE and a random order."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.ranking.evaluation import Floats, Scores

EASE_PENALTY: Final = 500.0
# EASE inverts a matrix of movies x movies: 2 s for 3,700 of them and 7 s for these, on two cores.
EASE_MOVIES: Final = 6_000
_USERS: Final = 512


def by_popularity(dataset: Dataset) -> Scores:
    """Rank by the number of training ratings."""
    popularity = dataset.movie_popularity[: dataset.movies.warm].astype(np.float32)
    return lambda users: np.tile(popularity, (users.size, 1))


def at_random(dataset: Dataset, seed: int = 0) -> Scores:
    """Rank in a random order, another one for each user."""
    random = np.random.default_rng(seed)
    return lambda users: random.random((users.size, dataset.movies.warm), dtype=np.float32)


class Ease:
    """EASE: linear regression of every movie on all others (Steck 2019, arXiv:1905.03375).

    With X the users x movies matrix of what was liked, and P the inverse of X'X + penalty I, the scores are
    X B, where B_ij is -P_ij / P_jj beside the diagonal and 0 on it.

    Args:
        dataset: The ratings, of which the training and validation rows are used.
        threshold: Lowest rating that counts as liked.
        penalty: Ridge penalty.

    Attributes:
        movies: Number of movies that it scores: the `EASE_MOVIES` most rated ones.
        liked_rows: Number of ratings of these movies that count as liked.
    """

    def __init__(self, dataset: Dataset, threshold: float, penalty: float = EASE_PENALTY) -> None:
        self.movies = min(dataset.movies.warm, EASE_MOVIES)
        parts = dataset.train, dataset.validation
        user, movie, stars = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("user_index", "movie_index", "ratings")
        )
        kept = (stars >= threshold) & (movie < self.movies)
        order = np.argsort(user[kept], kind="stable")
        self._user, self._movie = user[kept][order], movie[kept][order]
        self.liked_rows = int(order.size)
        gram = np.zeros((self.movies, self.movies))
        for start in range(0, len(dataset.users), _USERS):
            block = self.liked(np.arange(start, min(start + _USERS, len(dataset.users))))
            gram += block.T @ block
        gram[np.diag_indices(self.movies)] += penalty
        weights = np.linalg.inv(gram)
        weights /= -np.diag(weights).copy()
        np.fill_diagonal(weights, 0)
        self._weights = weights.astype(np.float32)

    def liked(self, users: NDArray[np.int64]) -> Floats:
        """Return the `(users, movies)` matrix of what users liked, 1 or 0."""
        matrix = np.zeros((users.size, self.movies), np.float32)
        for place, (first, end) in enumerate(self._rows(users)):
            matrix[place, self._movie[first:end]] = 1
        return matrix

    def scores(self, users: NDArray[np.int64]) -> Floats:
        """Return the `(users, movies)` scores."""
        return self.liked(users) @ self._weights

    def _rows(self, users: NDArray[np.int64]) -> list[list[int]]:
        ends = np.searchsorted(self._user, np.column_stack([users, users + 1]))
        rows: list[list[int]] = ends.tolist()
        return rows


def by_ease(dataset: Dataset, threshold: float, penalty: float = EASE_PENALTY) -> Scores:
    """Rank by EASE; the movies that it does not score come after the others."""
    ease = Ease(dataset, threshold, penalty)

    def scores(users: NDArray[np.int64]) -> Floats:
        keys = np.full((users.size, dataset.movies.warm), np.finfo(np.float32).min, np.float32)
        keys[:, : ease.movies] = ease.scores(users)
        return keys

    return scores
