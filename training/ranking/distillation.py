"""Distil EASE into a small table of factors, trained on the few bits that it is stored with.

EASE is the best ranking of the references, but its matrix has a number for each pair of movies. The student
has a vector for each user and each popular movie, and is fitted to the scores of EASE:

* Only the order of a user's movies matters, so each user's scores are scaled to length 1.
* A movie that the user rated is never shown, so such pairs do not count. Pairs with a high score count more,
  because only the first movies are shown.
* Both sides are fitted in turn by least squares, first in floats and then on their codes: coordinate descent
  over the columns lets one column compensate for the rounding of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.ranking_table import RankingTable
from training.compress.quantisation import best_steps, pack_table, round_to
from training.data.dataset import Dataset
from training.errors import SettingsError
from training.families.table import Floats
from training.ranking.references import Ease

BIAS_BITS: Final = 8
# Users per block, and the largest number of users that the movies are fitted to.
_USERS: Final = 2_048
_FITTED_USERS: Final = 16_384
# The weight of a pair is 1 + emphasis * (score / the user's score of this rank) ** 2.
_SHOWN: Final = 20
_LARGEST_RATIO: Final = 2.0
_FLOAT_ROUNDS: Final = 2
_LARGEST_RANK: Final = 64
_FOLD_IN_RIDGE: Final = 1e-3


@dataclass(frozen=True)
class RankingSettings:
    """Size of a ranking, and how it is fitted.

    Attributes:
        rank: Length of the vectors.
        user_bits: Bits of each value of a user.
        movie_bits: Bits of each value of a movie.
        movies: Number of movies that have a vector, the most popular ones.
        emphasis: How much more a pair with a high score counts.
        rounds: Passes over both sides on the codes.
        sweeps: Passes over the columns per step.
        ridge: Ridge penalty, relative to the mean curvature.
    """

    rank: int
    user_bits: int = 2
    movie_bits: int = 3
    movies: int = 1_500
    emphasis: float = 10.0
    rounds: int = 6
    sweeps: int = 3
    ridge: float = 1e-4

    def nbytes(self, users: int, movies: int) -> int:
        """Return the bytes of the file for a number of users and movies."""
        movies = min(movies, self.movies)
        codes = self.rank * (-(-users * self.user_bits // 8) - (-movies * self.movie_bits // 8))
        return codes + -(-movies * BIAS_BITS // 8) + 2 * ((self.rank + 1) * (self.rank + 1) + self.rank)


def settings_within(limit: int, users: int, movies: int) -> RankingSettings:
    """Return the settings of the highest rank within a number of bytes.

    Raises:
        SettingsError: Not even one column fits.
    """
    best = None
    for rank in range(1, min(_LARGEST_RANK, movies, users) + 1):
        settings = RankingSettings(rank)
        if settings.nbytes(users, movies) > limit:
            break
        best = settings
    if best is None:
        least = RankingSettings(1).nbytes(users, movies)
        raise SettingsError(f"a ranking of these ratings needs at least {least:,} bytes, got {limit:,}")
    return best


def distil_ranking(dataset: Dataset, settings: RankingSettings, threshold: float) -> RankingTable:
    """Fit a ranking to the training and validation rows.

    Args:
        dataset: The ratings.
        settings: Size of the ranking, and how it is fitted.
        threshold: Lowest rating of a movie that a user liked.
    """
    teacher = _Teacher(dataset, threshold, settings)
    fitted = np.unique(np.linspace(0, teacher.users - 1, min(teacher.users, _FITTED_USERS)).astype(np.int64))
    scores, weights = (
        np.concatenate(parts) for parts in zip(*map(teacher.targets, _blocks(fitted)), strict=True)
    )
    movies = _principal_movies(scores, settings.rank)
    movie_scores, movie_weights = np.ascontiguousarray(scores.T), np.ascontiguousarray(weights.T)
    ones = np.ones((len(scores), 1), np.float32)
    user_bits, movie_bits = _bits(settings)
    user_steps = movie_steps = None
    for number in range(_FLOAT_ROUNDS + settings.rounds):
        coded = number >= _FLOAT_ROUNDS
        users, user_steps = _fit_side(
            scores - movies[:, -1], weights, movies[:, :-1], settings, user_bits if coded else None
        )
        movies, movie_steps = _fit_side(
            movie_scores,
            movie_weights,
            np.concatenate([users, ones], axis=1),
            settings,
            movie_bits if coded else None,
        )
        if number == _FLOAT_ROUNDS - 1:
            movies = _rotated(users, movies)
    assert user_steps is not None and movie_steps is not None, "the last rounds are coded"
    # The last step: users are fitted to the final movies, block by block, with the steps of the sample.
    tables, sums = [], []
    for block in _blocks(np.arange(teacher.users)):
        target, weight = teacher.targets(block)
        table, _ = _fit_side(target - movies[:, -1], weight, movies[:, :-1], settings, user_bits, user_steps)
        tables.append(table)
        sums.append(teacher.liked_sums(block, movies[:, :-1]))
    users, liked = np.concatenate(tables), np.concatenate(sums)
    return RankingTable(
        users=pack_table(users, user_bits, user_steps, (len(users),)),
        movies=pack_table(movies, movie_bits, movie_steps, (len(movies),)),
        fold_in=_fold_in(liked, users),
        liked=threshold,
        mean_liked=round(teacher.ease.liked_rows / teacher.users, 2),
    )


class _Teacher:
    """EASE's scores of the popular movies, scaled for each user."""

    def __init__(self, dataset: Dataset, threshold: float, settings: RankingSettings) -> None:
        self.ease = Ease(dataset, threshold)
        self.users = dataset.users.warm
        self.movies = min(settings.movies, self.ease.movies)
        self._emphasis = settings.emphasis
        parts = dataset.train, dataset.validation
        user = np.concatenate([part.user_index for part in parts])
        movie = np.concatenate([part.movie_index for part in parts])
        order = np.argsort(user, kind="stable")
        order = order[movie[order] < self.movies]
        self._user, self._movie = user[order], movie[order]
        # A user of whom nothing is known gets the mean of all others, which is the bias of the movies.
        sample = _scaled(
            self.ease.scores(np.arange(0, self.users, max(self.users // _USERS, 1)))[:, : self.movies]
        )
        self._mean = sample.mean(axis=0)

    def targets(self, users: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return the `(users, movies)` scaled scores and the weights of the pairs."""
        scores = _scaled(self.ease.scores(users)[:, : self.movies])
        scores[~scores.any(axis=1)] = self._mean
        rated = self._rated(users)
        place = -min(_SHOWN, self.movies)
        shown = np.partition(np.where(rated, -1, scores), place, axis=1)[:, place]
        ratio = np.clip(scores / np.maximum(shown, 1e-3)[:, None], 0, _LARGEST_RATIO)
        weights = (1 + np.float32(self._emphasis) * ratio * ratio).astype(np.float32)
        weights[rated] = 0
        return scores, weights

    def liked_sums(self, users: NDArray[np.int64], vectors: Floats) -> Floats:
        """Return the `(users, rank)` sums of the vectors of liked movies over the root of their number."""
        liked = self.ease.liked(users)[:, : self.movies]
        sums: Floats = liked @ vectors / np.sqrt(np.maximum(liked.sum(axis=1, keepdims=True), 1))
        return sums

    def _rated(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        rated = np.zeros((users.size, self.movies), np.bool_)
        for place, user in enumerate(users.tolist()):
            first, end = np.searchsorted(self._user, [user, user + 1])
            rated[place, self._movie[first:end]] = True
        return rated


def _scaled(scores: Floats) -> Floats:
    scaled: Floats = scores / np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), np.float32(1e-9))
    return scaled


def _blocks(users: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, users.size, _USERS):
        yield users[start : start + _USERS]


def _bits(settings: RankingSettings) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    users = np.full((1, settings.rank), settings.user_bits, np.uint8)
    movies = np.append(np.full(settings.rank, settings.movie_bits), BIAS_BITS).astype(np.uint8)[None]
    return users, movies


def _principal_movies(scores: Floats, rank: int) -> Floats:
    """Return the first principal axes of the movies, and the mean scores as their biases."""
    mean = scores.mean(axis=0)
    centred = scores - mean
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.concatenate([axes[:, : -rank - 1 : -1], mean[:, None]], axis=1).astype(np.float32)


def _rotated(users: Floats, movies: Floats) -> Floats:
    """Return the movies of the same product with orthogonal columns, most important first."""
    mean = users.mean(axis=0)
    biases = movies[:, -1] + movies[:, :-1] @ mean
    _, of_users = np.linalg.qr(users - mean)
    base, of_movies = np.linalg.qr(movies[:, :-1])
    _, _, axes = np.linalg.svd(of_users @ of_movies.T)
    return np.concatenate([base @ axes.T, biases[:, None]], axis=1).astype(np.float32)


def _fit_side(
    scores: Floats,
    weights: Floats,
    regressors: Floats,
    settings: RankingSettings,
    bits: NDArray[np.uint8] | None,
    steps: Floats | None = None,
) -> tuple[Floats, Floats | None]:
    """Fit one side by weighted least squares while the other is fixed.

    Args:
        scores: `(rows, others)` what the products should be.
        weights: `(rows, others)`.
        regressors: `(others, columns)` the other side.
        settings: The ridge, and the passes of coordinate descent.
        bits: `(1, columns)` bits of the codes; None for floats.
        steps: `(1, columns)` steps of the codes; None for the best ones.

    Returns:
        The `(rows, columns)` values, and the `(1, columns)` steps if they are coded.
    """
    columns = np.arange(regressors.shape[1])
    upper = np.triu_indices(columns.size)
    packed = weights @ (regressors[:, upper[0]] * regressors[:, upper[1]])
    curvature = np.empty((len(scores), columns.size, columns.size), np.float32)
    curvature[:, upper[0], upper[1]] = packed
    curvature[:, upper[1], upper[0]] = packed
    mean = curvature[:, columns, columns].mean(axis=1, keepdims=True)
    curvature[:, columns, columns] += np.float32(settings.ridge) * mean + np.float32(1e-12)
    wanted = (weights * scores) @ regressors
    best = np.linalg.solve(curvature, wanted[:, :, None])[:, :, 0].astype(np.float32)
    if bits is None:
        return best, None
    diagonal = np.ascontiguousarray(curvature[:, columns, columns])
    if steps is None:
        steps = best_steps(best, bits, (len(best),), diagonal)
    chosen = round_to(best, steps, bits)
    slope = np.einsum("nij,nj->ni", curvature, chosen) - wanted
    for _ in range(settings.sweeps):
        for column in columns[::-1]:
            free = chosen[:, column] - slope[:, column] / diagonal[:, column]
            rounded = round_to(free, steps[0, column], bits[0, column])
            slope += curvature[:, :, column] * (rounded - chosen[:, column])[:, None]
            chosen[:, column] = rounded
    return chosen, steps


def _fold_in(liked: Floats, users: Floats) -> NDArray[np.float16]:
    """Return the `(rank + 1, rank)` matrix that maps sums of liked movies to the vectors of users."""
    inputs = np.concatenate([liked, np.ones((len(liked), 1), np.float32)], axis=1)
    gram = inputs.T @ inputs
    gram[np.diag_indices(len(gram))] += _FOLD_IN_RIDGE
    return np.linalg.solve(gram, inputs.T @ users).astype(np.float16)
