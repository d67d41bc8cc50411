"""Ratings of movies without training ratings, from their features: genres and the decade of the title's year.

    rating = mean + bias of the user + sum over features j of (weight_j x_j + (x_j - centre_j) leaning_j)

`x_j` is 1 if the movie has the feature, otherwise 0. The weights are a movie's bias; the leanings are what a
user adds to it. Users without training ratings have no bias and no leanings. The result is clipped to the
rating scale. Movies of which nothing is known are left to the fallback.

`features.bin` has the biases and leanings of the warm users: `(users, 1 + features)` int8, multiplied by
the steps in the manifest, in which the weights and centres are, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, cast

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.manifest import FeatureRecord, FeaturesFileRecord
from training.artefact.mapped import MappedFile, open_stated_file
from training.artefact.rating_scale import RatingScale
from training.errors import ArtefactDamaged

GENRE: Final = "genre"
DECADE: Final = "decade"
_YEAR: Final = re.compile(r"\((\d{4})\)\s*$")
_LARGEST_CODE: Final = 127

Floats = NDArray[np.float64]
Feature = tuple[str, str]
"""Kind and value, such as `("genre", "Drama")` or `("decade", "1990")`."""


def features_of(title: str | None, genres: Iterable[str]) -> list[Feature]:
    """Return the features of a movie; the year is at the end of its title, in parentheses."""
    year = _YEAR.search(title or "")
    return [*((GENRE, genre) for genre in genres), *((decade_of(int(year[1])),) if year else ())]


def decade_of(year: int) -> Feature:
    """Return the feature of a year."""
    return DECADE, str(year // 10 * 10)


def feature_matrix(movies: Iterable[Iterable[Feature]], features: Sequence[Feature]) -> NDArray[np.bool_]:
    """Return `(movies, features)`: which of the `features` each movie has."""
    place = {feature: column for column, feature in enumerate(features)}
    rows = [[place[one] for one in movie if one in place] for movie in movies]
    matrix = np.zeros((len(rows), len(features)), np.bool_)
    for row, columns in enumerate(rows):
        matrix[row, columns] = True
    return matrix


@dataclass(frozen=True)
class NewMovies:
    """Rates movies without training ratings.

    Attributes:
        features: The k features.
        weights: `(k,)` the movie's bias for each.
        centres: `(k,)` what is subtracted before the leanings apply.
        intercept: Added to the bias of every movie.
        mean: Mean training rating.
        steps: `(1 + k,)` unit of each column of the codes.
        codes: `(warm users, 1 + k)` int8, the bias and the leanings of each user.
        scale: Scale of the ratings.
        first: Index of the first movie without training ratings.
        cold: `(n, k)` features of the movies with the indices `first` and up.
        listed: Index of each movie that is not in the model's vocabulary, by id.
    """

    features: tuple[Feature, ...]
    weights: Floats
    centres: Floats
    intercept: float
    mean: float
    steps: Floats
    codes: NDArray[np.int8]
    scale: RatingScale
    first: int
    cold: NDArray[np.bool_]
    listed: Mapping[str, int]

    @classmethod
    def fitted(
        cls,
        features: Sequence[Feature],
        bias: tuple[float, Floats],
        centres: Floats,
        mean: float,
        users: Floats,
        scale: RatingScale,
    ) -> Self:
        """Round the `(users, 1 + k)` biases and leanings of users to codes; it knows no movies yet.

        Args:
            features: The k features.
            bias: Intercept, and `(k,)` weights.
            centres: `(k,)`.
            mean: Mean training rating.
            users: As above.
            scale: Scale of the ratings.
        """
        steps = np.abs(users).max(axis=0, initial=0.0) / _LARGEST_CODE
        codes = np.rint(users / np.where(steps > 0, steps, 1)).astype(np.int8)
        nothing = np.zeros((0, len(features)), np.bool_)
        return cls(tuple(features), bias[1], centres, bias[0], mean, steps, codes, scale, 0, nothing, {})

    def of_movies(self, movies: Vocabulary, titles: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return the same with the features of the cold movies of a vocabulary, and of all others.

        Args:
            movies: The model's vocabulary.
            titles: Title and genres by movie id.
        """
        others = [movie for movie in titles if movies.index(movie) < 0]
        ids = [*(movies[index] for index in range(movies.warm, len(movies))), *others]
        about = (titles.get(movie, {}) for movie in ids)
        known = [features_of(one.get("title"), one.get("genres", ())) for one in about]
        listed = {movie: len(movies) + place for place, movie in enumerate(others)}
        return replace(self, first=movies.warm, cold=feature_matrix(known, self.features), listed=listed)

    @property
    def nbytes(self) -> int:
        """Bytes of the codes and features in memory."""
        return self.codes.nbytes + self.cold.nbytes

    def index(self, movie_id: str) -> int:
        """Return the index of a movie that is not in the vocabulary; -1 if nothing is known of it."""
        return self.listed.get(movie_id, -1)

    def has_features(self, movie_index: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return `(n,)`: whether the movies with `(n,)` indices are cold and have a feature."""
        place = movie_index - self.first
        found = (movie_index >= 0) & (place >= 0) & (place < len(self.cold))
        found[found] = self.cold[place[found]].any(axis=1)
        return found

    def rate(self, user_index: NDArray[np.integer], movie_index: NDArray[np.integer]) -> NDArray[np.float32]:
        """Rate `(n,)` users and `(n,)` movies for which `has_features` is true; returns `(n,)` ratings."""
        return self.rate_features(user_index, self.cold[movie_index - self.first])

    def rate_features(
        self, user_index: NDArray[np.integer], present: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Rate pairs.

        Args:
            user_index: `(n,)`; users without training ratings get the bias of the movie alone.
            present: `(n, k)` features of the movies.

        Returns:
            `(n,)` ratings.
        """
        rated = self.mean + self.intercept + present @ self.weights
        warm = (user_index >= 0) & (user_index < len(self.codes))
        own = self.codes[user_index[warm]] * self.steps
        rated[warm] += own[:, 0] + np.vecdot(present[warm] - self.centres, own[:, 1:])
        return np.clip(rated, *self.scale.bounds).astype(np.float32)

    def record(self) -> dict[str, Any]:
        """Return the fields of the manifest's record, without those of the file."""
        return {
            "intercept": self.intercept,
            "mean": self.mean,
            "user_step": float(self.steps[0]),
            "features": [
                FeatureRecord(kind=kind, value=value, weight=weight, centre=centre, step=step)
                for (kind, value), weight, centre, step in zip(
                    self.features,
                    self.weights.tolist(),
                    self.centres.tolist(),
                    self.steps[1:].tolist(),
                    strict=True,
                )
            ],
        }


def read_new_movies(
    path: Path,
    stated: FeaturesFileRecord,
    scale: RatingScale,
    warm_users: int,
    movies: Vocabulary,
    titles: Mapping[str, Mapping[str, Any]],
) -> NewMovies:
    """Map the codes at `path`, and check them.

    Raises:
        ArtefactMissing: The file does not exist.
        ArtefactDamaged: It differs from the manifest's record, or does not fit the vocabulary of users.
    """
    columns = 1 + len(stated.features)
    if stated.bytes != warm_users * columns:
        raise ArtefactDamaged(path, "there must be a code for each warm user and feature")
    with open_stated_file(path, stated) as file:
        codes = MappedFile(file).array(np.dtype("i1"), (warm_users, columns), 0)
    features = tuple((one.kind, one.value) for one in stated.features)
    if len(set(features)) != len(features):
        raise ArtefactDamaged(path, "the manifest names a feature twice")
    return NewMovies(
        features,
        np.array([one.weight for one in stated.features]),
        np.array([one.centre for one in stated.features]),
        stated.intercept,
        stated.mean,
        np.array([stated.user_step, *(one.step for one in stated.features)]),
        cast("NDArray[np.int8]", codes),
        scale,
        0,
        np.zeros((0, len(features)), np.bool_),
        {},
    ).of_movies(movies, titles)
