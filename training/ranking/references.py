"""Rankings to compare with: popularity, EASE and a random order."""

from __future__ import annotations

from typing import Final

import numpy as np

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


def by_ease(dataset: Dataset, threshold: float, penalty: float = EASE_PENALTY) -> Scores:
    """Rank by EASE: linear regression of every movie on all others (Steck 2019, arXiv:1905.03375).

    With X the users x movies matrix of what was liked, and P the inverse of X'X + penalty I, the scores are
    X B, where B_ij is -P_ij / P_jj beside the diagonal and 0 on it.

    Args:
        dataset: The ratings, of which the training and validation rows are used.
        threshold: Lowest rating that counts as liked.
        penalty: Ridge penalty.

    Returns:
        Scores of the `EASE_MOVIES` most rated movies; the other movies come after them.
    """
    movies = min(dataset.movies.warm, EASE_MOVIES)
    parts = dataset.train, dataset.validation
    user, movie, stars = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("user_index", "movie_index", "ratings")
    )
    kept = (stars >= threshold) & (movie < movies)
    order = np.argsort(user[kept], kind="stable")
    user, movie = user[kept][order], movie[kept][order]

    def liked(start: int, stop: int) -> Floats:
        first, end = np.searchsorted(user, [start, stop])
        matrix = np.zeros((stop - start, movies), np.float32)
        matrix[user[first:end] - start, movie[first:end]] = 1
        return matrix

    gram = np.zeros((movies, movies))
    for start in range(0, len(dataset.users), _USERS):
        block = liked(start, min(start + _USERS, len(dataset.users)))
        gram += block.T @ block
    gram[np.diag_indices(movies)] += penalty
    weights = np.linalg.inv(gram)
    weights /= -np.diag(weights).copy()
    np.fill_diagonal(weights, 0)
    weights = weights.astype(np.float32)

    def scores(users: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        keys = np.full((users.size, dataset.movies.warm), np.finfo(np.float32).min, np.float32)
        for place, one in enumerate(users.tolist()):
            first, end = np.searchsorted(user, [one, one + 1])
            keys[place, :movies] = weights[movie[first:end]].sum(axis=0)
        return keys

    return scores
