"""Ratings of movies without training ratings, from their features.

Features are genres, the decade of the year, and what other columns of the items file say
(`training.data.readers.item_columns`): a column and a value, such as `("author", "Jane Austen")`, or a range
of numbers, such as `("pages", "200 to 350")`.

    rating = mean + bias of the user + sum over features j of (weight_j x_j + (x_j - centre_j) leaning_j)

`x_j` is 1 if the movie has the feature, otherwise 0. The weights are a movie's bias; the leanings are what a
user adds to it. Users without training ratings have no bias and no leanings. The result is clipped to the
rating scale. Movies of which nothing is known are left to the fallback.

`features.bin` has the biases and leanings of the warm users: `(users, 1 + features)` int8, multiplied by
the steps in the manifest, in which the weights and centres are, too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
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
FLAGS: Final = frozenset({"1", "true"})
"""The only value of columns that say of each item whether it has a property."""
_YEAR: Final = re.compile(r"\((\d{4})\)\s*$")
_LARGEST_CODE: Final = 127
# Rows that are rated, or packed, at a time.
_BLOCK: Final = 4096

Floats = NDArray[np.float64]
Feature = tuple[str, str]
"""Kind and value, such as `("genre", "Drama")`, `("decade", "1990")` or `("author", "Jane Austen")`."""
Edges = Mapping[str, Sequence[float]]
"""For each column of numbers, what separates its ranges, ascending; an edge belongs to the range above."""


def features_of(title: str | None, genres: Iterable[str], further: Iterable[Feature] = ()) -> list[Feature]:
    """Return the features of a movie.

    Args:
        title: Its title, with the year at the end in parentheses, if any.
        genres: Its genres.
        further: Features from other columns; a decade among them replaces that of the title.
    """
    found = [*((GENRE, genre) for genre in genres), *further]
    year = _YEAR.search(title or "")
    if year and all(kind != DECADE for kind, _ in found):
        found.append(decade_of(int(year[1])))
    return found


def decade_of(year: int) -> Feature:
    """Return the feature of a year."""
    return DECADE, str(year // 10 * 10)


def value_text(value: str | float) -> str:
    """Return how a value of a column is spelled in a feature: `true`, `3`, `2.5`, or the text itself."""
    if isinstance(value, str):
        text = value.strip()
        return text.lower() if text.lower() in ("true", "false") else text
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if value == int(value) else repr(value)


def range_of(number: float, edges: Sequence[float]) -> str:
    """Return the range that a number is in, such as `below 200`, `200 to 350` or `350 or more`."""
    place = bisect_right(edges, number)
    if not place:
        return f"below {value_text(edges[0])}"
    low = value_text(edges[place - 1])
    return f"{low} or more" if place == len(edges) else f"{low} to {value_text(edges[place])}"


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
        cold: `(n, ceil(k / 8))` uint8, bits of the features of the movies with the indices `first` and up.
        listed: Index of each movie that is not in the model's vocabulary, by id.
        edges: Those of the columns of numbers among the features.
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
    cold: NDArray[np.uint8]
    listed: Mapping[str, int]
    edges: Edges = field(default_factory=dict)

    @classmethod
    def fitted(
        cls,
        features: Sequence[Feature],
        bias: tuple[float, Floats],
        centres: Floats,
        mean: float,
        users: Floats,
        scale: RatingScale,
        edges: Edges = MappingProxyType({}),
    ) -> Self:
        """Round the `(users, 1 + k)` biases and leanings of users to codes; it knows no movies yet.

        Args:
            features: The k features.
            bias: Intercept, and `(k,)` weights.
            centres: `(k,)`.
            mean: Mean training rating.
            users: As above.
            scale: Scale of the ratings.
            edges: Those of the columns of numbers among the features.
        """
        steps = np.abs(users).max(axis=0, initial=0.0) / _LARGEST_CODE
        codes = np.rint(users / np.where(steps > 0, steps, 1)).astype(np.int8)
        return cls(
            tuple(features),
            bias[1],
            centres,
            bias[0],
            mean,
            steps,
            codes,
            scale,
            0,
            _packed([], features),
            {},
            edges,
        )

    def of_movies(self, movies: Vocabulary, titles: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return the same with the features of the cold movies of a vocabulary, and of all others.

        Args:
            movies: The model's vocabulary.
            titles: Title, genres and further features by movie id.
        """
        others = [movie for movie in titles if movies.index(movie) < 0]
        ids = [*(movies[index] for index in range(movies.warm, len(movies))), *others]
        about = (titles.get(movie, {}) for movie in ids)
        known = (
            features_of(
                one.get("title"),
                one.get("genres", ()),
                ((kind, value) for kind, values in one.get("features", {}).items() for value in values),
            )
            for one in about
        )
        listed = {movie: len(movies) + place for place, movie in enumerate(others)}
        return replace(self, first=movies.warm, cold=_packed(known, self.features), listed=listed)

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

    def features_in(self, column: str, values: Sequence[str | float]) -> list[Feature]:
        """Return the features of a movie with these values in a column, also those that the model lacks.

        Raises:
            ValueError: The column has numbers, and a value is none.
        """
        edges = self.edges.get(column)
        if edges is None:
            return [(column, value_text(value)) for value in values]
        if any(isinstance(value, str | bool) for value in values):
            raise ValueError("must be a number, as in the items file")
        return [(column, range_of(float(value), edges)) for value in values]

    def rate(self, user_index: NDArray[np.integer], movie_index: NDArray[np.integer]) -> NDArray[np.float32]:
        """Rate `(n,)` users and `(n,)` movies for which `has_features` is true; returns `(n,)` ratings."""
        place, size = movie_index - self.first, len(self.features)
        rated = np.empty(user_index.size, np.float32)
        for start in range(0, user_index.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            present = np.unpackbits(self.cold[place[block]], axis=1, count=size).astype(np.bool_)
            rated[block] = self.rate_features(user_index[block], present)
        return rated

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
        rated: Floats = np.full(user_index.size, self.mean + self.intercept)
        for start in range(0, user_index.size, _BLOCK):
            user, features = user_index[start : start + _BLOCK], present[start : start + _BLOCK]
            block = rated[start : start + _BLOCK]
            block += features @ self.weights
            warm = (user >= 0) & (user < len(self.codes))
            own = self.codes[user[warm]] * self.steps
            block[warm] += own[:, 0] + np.vecdot(features[warm] - self.centres, own[:, 1:])
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
            "edges": {column: list(edges) for column, edges in self.edges.items()},
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
        _packed([], features),
        {},
        stated.edges,
    ).of_movies(movies, titles)


def _packed(movies: Iterable[Iterable[Feature]], features: Sequence[Feature]) -> NDArray[np.uint8]:
    """Return `(movies, ceil(features / 8))`: the bits of `feature_matrix`."""
    remaining = iter(movies)
    blocks = [np.packbits(feature_matrix([], features), axis=1)]
    while block := list(islice(remaining, _BLOCK)):
        blocks.append(np.packbits(feature_matrix(block, features), axis=1))
    return np.concatenate(blocks)
