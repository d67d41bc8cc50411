"""Publishes a trained model as an artefact in the store."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from training.artefact.engine import MAX_VALUES, count_equal_rows
from training.artefact.given_ratings import GivenRatings
from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.manifest import (
    AccuracyRecord,
    DatasetRecord,
    DistinctVectorsRecord,
    Manifest,
    ParametersRecord,
    PopularityRange,
    RatingScaleRecord,
    SideVocabularyRecord,
    SplitRecord,
    TableRecord,
    TrainingRecord,
    VocabularyRecord,
)
from training.artefact.new_movies import NewMovies, features_of
from training.artefact.reader import Artefact
from training.artefact.writer import publish
from training.data.dataset import Dataset
from training.data.readers.ratings import load_ratings
from training.models.rating_model import logical_sizes
from training.models.trained import TrainedModel
from training.publish.agreement import check_agreement
from training.publish.options import BUNDLED_DATA, PublishOptions
from training.publish.progress import SILENT, Progress
from training.publish.ranking import DatasetRanking, by_predicted_rating

# Number of ranges of the histogram of training ratings over movies.
_RANGES = 24
_RECORDED_PACKAGES = ("keras", "tensorflow", "numpy", "h5py")
# Data sets with the movie ids of movielens.org, like the bundled set. ML-100K has its own ids.
_SAME_MOVIE_IDS: Final = frozenset({"ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m"})


def publish_model(
    trained: TrainedModel,
    dataset: Dataset,
    accuracy: AccuracyRecord,
    options: PublishOptions,
    progress: Progress = SILENT,
    ranking: DatasetRanking | None = None,
) -> Artefact:
    """Write the model atomically to the folder with its name in the store.

    Args:
        trained: The model.
        dataset: The data that it was trained on.
        accuracy: Its errors on the test rows.
        options: Where it is written, and what it includes.
        progress: Called if models of other data are moved to `previous`.
        ranking: The ranking of the data set, if any, and the orders that the model is compared with.

    Raises:
        ArtefactError: If the store cannot be written; it is left unchanged.
    """
    with_ids = trained.model.with_ids(dataset.users, dataset.movies)
    table, split = dataset.table, dataset.split
    about = {
        "name": trained.settings.name,
        "description": trained.settings.description,
        "settings": trained.settings.model_dump(mode="json"),
        "parameters": _parameters(with_ids),
        "weights_bytes": trained.nbytes,
        "vocabulary": VocabularyRecord(users=_side(dataset.users), movies=_side(dataset.movies)),
        "dataset": DatasetRecord(
            name=table.name,
            rows=table.rows,
            users=len(table.users),
            movies=len(table.movies),
            sha256=table.sha256,
            licence=table.licence,
            item_name=table.item_name,
        ),
        "split": SplitRecord(
            kind=split.kind,
            seed=split.seed,
            train_rows=int(split.train.size),
            validation_rows=int(split.validation.size),
            test_rows=int(split.test.size),
            test_sha256=split.test_sha256,
        ),
        "rating_scale": RatingScaleRecord(**vars(dataset.scale)),
        "accuracy": accuracy,
        "ranking": None if ranking is None else ranking.measured(by_predicted_rating(trained, dataset)),
        "training": _training(trained, dataset),
        "popularity": popularity_ranges(dataset.movie_popularity),
        "distinct_vectors": distinct_vectors(trained, dataset.users.warm, dataset.movies.warm),
    }

    def check(artefact: Artefact) -> None:
        check_agreement(artefact, trained.model.indexed)

    def belongs(manifest: Manifest) -> bool:
        same_data = manifest.dataset.name == table.name or options.keep_others
        return same_data and manifest.scale.bounds == dataset.scale.bounds

    return publish(
        options.store,
        about,
        with_ids.save,
        titles_of(dataset, options.shareable, trained.fallback.new_movies),
        _given(dataset) if options.carries_ratings else None,
        check,
        belongs,
        progress.on_moved,
        trained.fallback,
        ranking=None if ranking is None else ranking.table,
        uncertainty=trained.uncertainty,
        new_movies=trained.fallback.new_movies,
    )


def titles_of(
    dataset: Dataset, shareable: bool, new_movies: NewMovies | None = None
) -> dict[str, dict[str, Any]]:
    """Return titles and genres that an artefact may include, by movie id.

    Args:
        dataset: The data.
        shareable: Whether the artefact may be passed on.
        new_movies: Rates movies without training ratings. Then those of the items file that have no rating
            and a feature are included, and what else must be known of cold movies is stated as `features`.
    """
    table = dataset.table
    titles = table.titles
    if shareable and not table.redistributable:
        # The bundled set may be passed on and has the titles of many movies with the same ids.
        titles = load_ratings(BUNDLED_DATA).titles if table.name in _SAME_MOVIE_IDS else {}
    found: dict[str, dict[str, Any]] = {
        movie_id: {"title": titles[movie_id].title, "genres": list(titles[movie_id].genres)}
        for movie_id in dataset.movies
        if movie_id in titles
    }
    if new_movies is None:
        return found
    known = frozenset(new_movies.features)
    for movie_id, movie in titles.items():
        index = dataset.movies.index(movie_id)
        if 0 <= index < dataset.movies.warm:
            continue
        further: dict[str, list[str]] = {}
        for feature in movie.features:
            if feature in known:
                further.setdefault(feature[0], []).append(feature[1])
        if index < 0 and known.isdisjoint(features_of(movie.title, movie.genres, movie.features)):
            continue
        entry = found.setdefault(movie_id, {"title": movie.title, "genres": list(movie.genres)})
        if further:
            entry["features"] = further
    return found


def _given(dataset: Dataset) -> GivenRatings:
    return GivenRatings.from_parts(
        [
            (part.user_index, part.movie_index, part.ratings)
            for part in (dataset.train, dataset.validation, dataset.test)
        ],
        len(dataset.users),
        len(dataset.movies),
        dataset.scale,
    )


def _parameters(model: keras.Model) -> ParametersRecord:
    logical = logical_sizes(model)
    tables = [
        TableRecord(
            name=weight.path,
            shape=list(weight.shape),
            dtype=weight.dtype,
            parameters=logical[weight.path],
            bytes=int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize,
        )
        for weight in model.weights
    ]
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return ParametersRecord(
        total=sum(table.parameters for table in tables), trainable=trainable, tables=tables
    )


def _side(vocabulary: Vocabulary) -> SideVocabularyRecord:
    return SideVocabularyRecord(
        size=len(vocabulary), warm=vocabulary.warm, prefix=vocabulary.prefix, bytes=vocabulary.nbytes
    )


def popularity_ranges(popularity: NDArray[np.int64]) -> list[PopularityRange]:
    """Return the number of training ratings in ranges of popularity ranks, which widen with the rank.

    Args:
        popularity: `(movies,)` number of training ratings of each movie, non-increasing.
    """
    if not popularity.size:
        return []
    ends = np.unique(np.geomspace(1, popularity.size, _RANGES).round().astype(np.int64))
    starts = np.concatenate([[0], ends[:-1]])
    return [
        PopularityRange(first=int(start) + 1, last=int(end), ratings=int(popularity[start:end].sum()))
        for start, end in zip(starts, ends, strict=True)
    ]


def distinct_vectors(
    trained: TrainedModel, warm_users: int, warm_movies: int, max_values: int = MAX_VALUES
) -> DistinctVectorsRecord | None:
    """Count the distinct embeddings of users and movies with training ratings.

    Returns:
        The counts; None if the embeddings have more than `max_values` values.
    """
    if (warm_users + warm_movies) * (trained.settings.embedding_dim + 1) > max_values:
        return None
    return count_equal_rows(
        trained.vectors("user", np.arange(warm_users, dtype=np.int32)),
        trained.vectors("movie", np.arange(warm_movies, dtype=np.int32)),
    )


def _training(trained: TrainedModel, dataset: Dataset) -> TrainingRecord:
    versions = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        versions[package] = _installed_version(package)
    return TrainingRecord(
        recipe=trained.recipe.model_dump(mode="json"),
        epochs=trained.epochs,
        seconds=round(trained.seconds, 3),
        seed=trained.seed,
        history={name: [round(value, 6) for value in values] for name, values in trained.history.items()},
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=versions,
        last_rating_at=_last_rating_at(dataset),
    )


def _last_rating_at(dataset: Dataset) -> str | None:
    """Return the time of the newest training rating, or None if the ratings have no times."""
    times = dataset.table.timestamps
    if times is None:
        return None
    return datetime.datetime.fromtimestamp(int(times[dataset.split.train].max()), datetime.UTC).isoformat()


def _installed_version(package: str) -> str:
    # The build of TensorFlow without GPU code is a distribution with another name.
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
