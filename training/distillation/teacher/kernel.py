"""The kernel that couples the prior means of one side, represented by its leading eigenvectors.

Users who rated the same movies are similar a priori, regardless of their ratings; so are movies that the same
users rated, or that share genres. The kernel over n ids is

    K = intercept * 1 1' + genre * G G' + implicit * D^-1/2 R R' D^-1/2

where R is 1 for rated pairs and 0 elsewhere, D is the diagonal matrix of the number of ratings of each id,
and a row of G has a movie's genres and decade, scaled to length 1. On the users' side the last term is
Bayesian SVD++ (Rendle, Zhang & Koren 2019, arXiv:1905.01395) with its factors integrated out; on the movies'
side it is the mirror image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.data.table import Movie
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import BayesianFactorsSettings
from training.distillation.base.threads import in_threads, one_blas_thread

_OVERSAMPLING: Final = 40
_POWER_ITERATIONS: Final = 2
_LEAST_EIGENVALUE: Final = 1e-3


@dataclass(frozen=True)
class Kernel:
    """Leading eigenpairs of K.

    Attributes:
        values: `(rank,)` eigenvalues, descending.
        vectors: `(n, rank)` eigenvectors, orthonormal.
    """

    values: Floats
    vectors: Floats


@one_blas_thread()
def side_kernels(
    observed: Observed,
    genres: Floats | None,
    settings: BayesianFactorsSettings,
    *,
    seed: int,
) -> tuple[Kernel, Kernel]:
    """Compute the kernels of users and movies.

    Args:
        observed: The training ratings; only the rated pairs are used.
        genres: `(movies, features)` 0 or 1, or None if no features are known.
        settings: Weights of the three terms (`intercept_scale`, `implicit_scale`, `genre_scale`), and the
            maximum number of eigenpairs (`kernel_rank`).
        seed: Seed of the randomised eigendecomposition.
    """
    intercept, genre, rank = settings.intercept_scale, settings.genre_scale, settings.kernel_rank
    root = np.sqrt(np.float32(settings.implicit_scale))
    by_user = root / np.sqrt(np.maximum(observed.user_counts, 1))[:, None]
    by_movie = root / np.sqrt(np.maximum(observed.movie_counts, 1))[:, None]
    user_dense = np.full((observed.users, 1), np.sqrt(intercept), dtype=np.float32)
    movie_dense = np.full((observed.movies, 1), np.sqrt(intercept), dtype=np.float32)
    if genres is not None and genre > 0:
        length = np.sqrt(np.maximum(genres.sum(axis=1, keepdims=True), 1))
        movie_dense = np.concatenate([movie_dense, np.sqrt(np.float32(genre)) * genres / length], axis=1)

    def times_users_kernel(basis: Floats) -> Floats:
        shared = by_user * observed.by_user.sums(observed.by_movie.sums(by_user * basis))
        product: Floats = user_dense @ (user_dense.T @ basis) + shared
        return product

    def times_movies_kernel(basis: Floats) -> Floats:
        shared = by_movie * observed.by_movie.sums(observed.by_user.sums(by_movie * basis))
        product: Floats = movie_dense @ (movie_dense.T @ basis) + shared
        return product

    random = np.random.default_rng([seed, 0])
    sides = [
        (product, random.standard_normal((size, min(rank + _OVERSAMPLING, size)), dtype=np.float32))
        for product, size in ((times_users_kernel, observed.users), (times_movies_kernel, observed.movies))
    ]
    users, movies = in_threads(lambda side: _leading(*side, rank), sides)
    return users, movies


def genre_features(movies: Iterable[str], titles: dict[str, Movie]) -> Floats | None:
    """Encode genres and decade of every movie as columns of 0 and 1.

    Args:
        movies: Movie ids in index order.
        titles: Title, ending with the year in parentheses, and genres by movie id; movies may be missing.

    Returns:
        `(movies, features)`, or None if no movie has any feature.
    """
    marks = [_marks(titles[movie]) if movie in titles else [] for movie in movies]
    names = {name: place for place, name in enumerate(sorted({name for row in marks for name in row}))}
    if not names:
        return None
    features = np.zeros((len(marks), len(names)), dtype=np.float32)
    for row, found in enumerate(marks):
        features[row, [names[name] for name in found]] = 1
    return features


def _marks(movie: Movie) -> list[str]:
    year = movie.title.strip()[-5:-1]
    return [*movie.genres, *([f"decade {year[:3]}0"] if year.isdigit() else [])]


def _leading(times_kernel: Callable[[Floats], Floats], start: Floats, rank: int) -> Kernel:
    """Randomised eigendecomposition (Halko, Martinsson & Tropp 2011, arXiv:0909.4061, algorithm 4.4)."""
    basis = start
    for _ in range(_POWER_ITERATIONS):
        basis = np.linalg.qr(times_kernel(basis))[0]
    small = basis.T @ times_kernel(basis)
    values, rotation = np.linalg.eigh((small + small.T) / 2)
    kept = np.flatnonzero(values > _LEAST_EIGENVALUE)[::-1][:rank]
    return Kernel(values[kept].astype(np.float32), np.ascontiguousarray(basis @ rotation[:, kept]))
