"""Distils the ranking of a data set, and measures which movies come first in each order of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.fallback import every_mean
from training.artefact.manifest import Manifest, Order, OrderRecord, RankingRecord
from training.artefact.ranking_table import RankingTable
from training.artefact.reader import Artefact
from training.data.dataset import Dataset, Examples
from training.data.table import RatingsTable
from training.errors import SettingsError
from training.models.trained import TrainedModel
from training.publish.options import DataOptions
from training.publish.progress import SILENT, Progress
from training.publish.replacement import replace_artefact
from training.ranking.distillation import distil_ranking, settings_within
from training.ranking.evaluation import (
    Floats,
    RankingTask,
    Scores,
    evaluate_ranking,
    lowest_liked,
    ranking_task,
)
from training.ranking.references import by_popularity
from training.ranking.stored import by_rating, by_table

# Pairs that are ranked to measure an order, which takes about 10 s for each.
_MOST_KEYS: Final = 50_000_000
# Artefacts of earlier versions lack fields that the writer states.
_OLDEST: Final = 4


@dataclass(frozen=True)
class DatasetRanking:
    """What the rankings of all models of a data set share.

    Attributes:
        table: The ranking that is stored; None without one.
        task: The users to rank for; None if no test row is relevant.
        orders: The quality of the orders that no rating model affects.
    """

    table: RankingTable | None
    task: RankingTask | None
    orders: dict[Order, OrderRecord]

    def measured(self, by_rating: Scores) -> RankingRecord | None:
        """Return the manifest's record of a model that ranks by these predicted ratings."""
        if self.task is None:
            return None
        return RankingRecord(
            top=self.task.top,
            relevant=self.task.threshold,
            users=int(self.task.users.size),
            movies=self.task.movies,
            orders={"rating": _measure(by_rating, self.task), **self.orders},
        )


def rank_dataset(
    dataset: Dataset,
    ranking_bytes: int | None,
    progress: Progress = SILENT,
    table: RankingTable | None = None,
) -> DatasetRanking:
    """Distil the ranking of a data set, if one is wanted, and measure it on the test rows.

    Args:
        dataset: The ratings.
        ranking_bytes: Maximum size of the ranking; None for no new ranking.
        progress: Shows what takes time.
        table: The ranking, if there is one already.

    Raises:
        SettingsError: No ranking is as small as that.
    """
    if ranking_bytes is not None:
        settings = settings_within(ranking_bytes, dataset.users.warm, dataset.movies.warm)
        with progress.busy("distilling the ranking"):
            table = distil_ranking(dataset, settings, lowest_liked(dataset.scale))
    orders: dict[Order, OrderRecord] = {}
    try:
        task = ranking_task(dataset, most_keys=_MOST_KEYS)
    except SettingsError:
        return DatasetRanking(table, None, orders)
    with progress.busy("ranking the movies"):
        if table is not None:
            orders["likely"] = _measure(by_table(table, dataset), task)
        orders["popularity"] = _measure(by_popularity(dataset), task)
    return DatasetRanking(table, task, orders)


def by_predicted_rating(trained: TrainedModel, dataset: Dataset) -> Scores:
    """Rank by the ratings that a trained model predicts; a cold user gets the order of the movies' means."""
    movies = trained.vectors("movie", np.arange(dataset.movies.warm, dtype=np.int32))
    means = every_mean(trained.fallback.movie_means)

    def scores(users: NDArray[np.int64]) -> Floats:
        # The user's own bias, the last column, does not affect the order.
        vectors = trained.vectors("user", users.astype(np.int32))[:, :-1]
        keys: Floats = vectors @ movies[:, :-1].T + movies[:, -1]
        keys[users >= dataset.users.warm] = means
        return keys

    return scores


def indexed_as(artefact: Artefact, dataset: Dataset) -> Dataset:
    """Return the dataset with the indices of a model of the same ratings.

    They differ if some training rows were held out as validation rows when the model was trained.

    Args:
        artefact: The model.
        dataset: Its ratings.
    """
    users = artefact.users.indices(list(dataset.users))
    movies = artefact.movies.indices(list(dataset.movies))

    def examples(part: Examples) -> Examples:
        return Examples(users[part.user_index], movies[part.movie_index], part.ratings)

    return replace(
        dataset,
        users=artefact.users,
        movies=artefact.movies,
        user_popularity=dataset.user_popularity[np.argsort(users)],
        movie_popularity=dataset.movie_popularity[np.argsort(movies)],
        train=examples(dataset.train),
        validation=examples(dataset.validation),
        test=examples(dataset.test),
    )


def publish_again(
    artefacts: Sequence[Artefact],
    data: DataOptions,
    table: RatingsTable,
    ranking_bytes: int | None,
    progress: Progress = SILENT,
) -> list[Manifest]:
    """Publish models in their places, measured, and with a ranking if wanted (see `workflow.add_ranking`).

    Raises:
        ArtefactError: A model cannot be replaced.
        SettingsError: A model was trained on other ratings, or no ranking is as small as that.
    """
    datasets = [_dataset_of(artefact, data, table) for artefact in artefacts]
    manifests: list[Manifest] = []
    last: tuple[Dataset, RankingTable | None, DatasetRanking] | None = None
    for artefact, dataset in zip(artefacts, datasets, strict=True):
        kept = artefact.ranking if ranking_bytes is None else None
        # Models with the same indices share what is distilled.
        if last is None or last[1] is not kept or not _same_indices(last[0], dataset):
            last = dataset, kept, rank_dataset(dataset, ranking_bytes, progress, kept)
        ranking = last[2]
        with progress.busy(f"ranking by {artefact.manifest.name}"):
            record = ranking.measured(by_rating(artefact, dataset))
        replaced = replace_artefact(artefact, {"ranking": record}, ranking=ranking.table)
        manifests.append(replaced.manifest)
    return manifests


def _dataset_of(artefact: Artefact, data: DataOptions, table: RatingsTable) -> Dataset:
    """Return the ratings of a model with its split and its indices."""
    manifest = artefact.manifest
    if manifest.format_version < _OLDEST:
        raise SettingsError(f"{manifest.name} was written by an older version; train it again")
    split = manifest.split
    dataset = replace(data, split=split.kind, split_seed=split.seed).dataset(table, 0.0)
    same = (table.sha256, dataset.split.test_sha256) == (manifest.dataset.sha256, split.test_sha256)
    if not same or (len(table.users), len(table.movies)) != (len(artefact.users), len(artefact.movies)):
        raise SettingsError(
            f"{manifest.name} was trained on other ratings than {data.path}, or on other rows of it"
        )
    return indexed_as(artefact, dataset)


def _same_indices(one: Dataset, other: Dataset) -> bool:
    return list(one.users) == list(other.users) and list(one.movies) == list(other.movies)


def _measure(scores: Scores, task: RankingTask) -> OrderRecord:
    quality = evaluate_ranking(scores, task)
    return OrderRecord(
        ndcg=round(quality.ndcg, 6),
        ndcg_margin=round(quality.ndcg_margin, 6),
        recall=round(quality.recall, 6),
        shown=quality.shown,
        popularity=round(quality.popularity, 1),
    )
