"""The ranking of a stored model, as the service makes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine import read_tables
from training.artefact.fallback import every_mean
from training.artefact.ranking_table import RankingTable
from training.artefact.reader import Artefact
from training.data.dataset import Dataset
from training.errors import SettingsError
from training.ranking.evaluation import Floats, Scores


def by_rating(artefact: Artefact, dataset: Dataset) -> Scores:
    """Rank by predicted rating. Ids are matched as text, and movies that the model does not know come last.

    A user who is cold in the model gets the order of the movies' mean ratings, as for cold pairs.

    Args:
        artefact: The stored model.
        dataset: The ratings whose users and movies are ranked.
    """
    means = every_mean(artefact.fallback.movie_means)
    return _as_served(artefact, dataset, read_tables(artefact.archive).affinities, means)


def by_sure(artefact: Artefact, dataset: Dataset) -> Scores:
    """Rank by the lower end of the interval of a rating, as `by_rating` does.

    Args:
        artefact: The stored model.
        dataset: The ratings whose users and movies are ranked.

    Raises:
        SettingsError: The model has no distributions of ratings.
    """
    uncertainty = artefact.uncertainty
    if uncertainty is None:
        raise SettingsError(f"{artefact.manifest.name} has no distributions; add them by `calibrate`")
    tables, movies = read_tables(artefact.archive), np.arange(artefact.movies.warm, dtype=np.int32)
    means = every_mean(artefact.fallback.movie_means)
    return _as_served(
        artefact, dataset, lambda user: uncertainty.sure_keys(user, tables.rate_for(user, movies)), means
    )


def by_likely(artefact: Artefact, dataset: Dataset) -> Scores:
    """Rank by the stored ranking, as `by_rating` does.

    A user who is cold in the model gets the ranking of a user of whom nothing is known.

    Args:
        artefact: The stored model.
        dataset: The ratings whose users and movies are ranked.

    Raises:
        SettingsError: The model has no ranking.
    """
    ranking, warm = artefact.ranking, artefact.movies.warm
    if ranking is None:
        raise SettingsError(f"{artefact.manifest.name} has no ranking; add one by `rank --ranking-bytes N`")
    nobody = ranking.keys(ranking.fold(np.empty(0, np.int64)), warm)
    return _as_served(artefact, dataset, lambda user: ranking.keys_of_user(user, warm), nobody)


def by_table(ranking: RankingTable, dataset: Dataset) -> Scores:
    """Rank by a ranking with the indices of a dataset, which may be that of an artefact.

    A cold user gets the ranking of a user of whom nothing is known.

    Args:
        ranking: The ranking.
        dataset: The ratings whose users and movies are ranked.
    """
    movies = dataset.movies.warm
    nobody = ranking.keys(ranking.fold(np.empty(0, np.int64)), movies)

    def scores(users: NDArray[np.int64]) -> Floats:
        return np.array(
            [
                ranking.keys_of_user(user, movies) if user < ranking.user_count else nobody
                for user in users.tolist()
            ]
        )

    return scores


def _as_served(
    artefact: Artefact, dataset: Dataset, keys_of: Callable[[int], Floats], nobody: Floats
) -> Scores:
    """Rank the users and movies of a dataset by the sort keys that a model has for its own.

    Args:
        artefact: The stored model, whose ids are matched as text.
        dataset: The ratings.
        keys_of: Returns the keys of the model's movies, at least the warm ones, for one of its warm users.
        nobody: `(warm movies,)` keys for a user who is cold in the model.
    """
    user_index = artefact.users.indices(list(dataset.users))
    movie_index = artefact.movies.indices(list(dataset.movies))[: dataset.movies.warm]
    known = np.flatnonzero((movie_index >= 0) & (movie_index < artefact.movies.warm))

    def scores(users: NDArray[np.int64]) -> Floats:
        keys = np.full((users.size, dataset.movies.warm), np.finfo(np.float32).min, np.float32)
        for row, user in zip(keys, user_index[users].tolist(), strict=True):
            of_user = keys_of(user) if 0 <= user < artefact.users.warm else nobody
            row[known] = of_user[movie_index[known]]
        return keys

    return scores
