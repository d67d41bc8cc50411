"""The result of loading a ratings file: its columns and its catalogue of ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.manifest import DEFAULT_ITEM_NAME
from training.artefact.new_movies import Edges, Feature
from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale


@dataclass(frozen=True)
class Movie:
    """Title (including the year) and genres of a movie, as spelled in the data set.

    `features` are those of other columns of the items file (`training.data.readers.item_columns`).
    """

    title: str
    genres: tuple[str, ...]
    features: tuple[Feature, ...] = ()


@dataclass(frozen=True)
class RatingsTable:
    """Ratings in file order.

    Attributes:
        name: Short name of the data set (`ml-1m`), or the file's own name.
        layout: Which layout was recognised (`ml-1m`, `ml-100k`, `ml-csv`, `csv`, `netflix`, `jester`, `json`,
            `parquet`).
        path: The ratings file, or the folder of its parts; or the address that was given.
        sha256: Digest of the ratings file's bytes; of several files, the digest of their digests.
        licence: The data set's licence in one line; `unknown` for the user's own file.
        redistributable: Whether the licence allows artefacts with titles to be passed on.
        users: All user ids of the file; numbers ascending, other text in order of first appearance.
        movies: All *rated* movie ids of the file, likewise.
        user_index: `(rows,)` int32 positions in `users`.
        movie_index: `(rows,)` int32 positions in `movies`.
        ratings: `(rows,)` float32 ratings on the requested scale.
        timestamps: `(rows,)` int64 seconds since 1970, or None if the data has no times.
        titles: Titles and genres by canonical movie id (`movie_1`), as far as the data set has them.
        item_name: What the page calls an item.
        notes: What the user should know about how the file was read, a line each.
        unread_times: Why the file's times were left out, or None.
        scale: Scale of the ratings, with the step of those that occur.
        edges: What separates the ranges of each column of numbers of the items file.
    """

    name: str
    layout: str
    path: Path | str
    sha256: str
    licence: str
    redistributable: bool
    users: Vocabulary
    movies: Vocabulary
    user_index: NDArray[np.int32]
    movie_index: NDArray[np.int32]
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    titles: dict[str, Movie]
    item_name: str = DEFAULT_ITEM_NAME
    notes: tuple[str, ...] = ()
    unread_times: str | None = None
    scale: RatingScale = DEFAULT_SCALE
    edges: Edges = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of ratings."""
        return int(self.ratings.size)
