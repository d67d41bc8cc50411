"""Builders of small data sets and stores for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.artefact.ids.vocabulary import Vocabulary
from training.data.dataset import Dataset, prepare
from training.data.split import Split
from training.data.table import Movie, RatingsTable
from training.families import MixedDimension, QuotientRemainder
from training.models.named import BASELINE, MEMORY_EFFICIENT
from training.publish.options import PublishOptions
from training.publish.workflow import fit_on
from training.settings import ModelSettings, Recipe

USERS, MOVIES = 30, 40
COLD_USER, COLD_MOVIE = "user_30", "movie_40"
QUICK = Recipe(name="custom", batch_size=64, learning_rate=0.05, epochs=2)

TINY_BASELINE = BASELINE.model_copy(update={"embedding_dim": 4})
TINY_MEMORY_EFFICIENT = MEMORY_EFFICIENT.model_copy(
    update={
        "embedding_dim": 4,
        "users": QuotientRemainder(num_buckets=7),
        "movies": MixedDimension(block_sizes=(5, 15, 20), block_dims=(4, 2, 1)),
    }
)
TINY_BIASED = ModelSettings(
    name="biased", description="Biases and a dot product.", embedding_dim=2, biases=True
)


def tiny_table() -> RatingsTable:
    """Return a table in which each user rates about half the movies; ratings depend on both ids."""
    random = np.random.default_rng(7)
    user, movie = np.nonzero(random.random((USERS, MOVIES)) < 0.5)
    ratings = 1 + (3 * user + 5 * movie) % 5
    return RatingsTable(
        name="tiny",
        layout="csv",
        path=Path("tiny.csv"),
        sha256="0" * 64,
        licence="made up for tests",
        redistributable=True,
        users=Vocabulary.from_numbers(np.arange(1, USERS + 1), "user_"),
        movies=Vocabulary.from_numbers(np.arange(1, MOVIES + 1), "movie_"),
        user_index=user.astype(np.int32),
        movie_index=movie.astype(np.int32),
        ratings=ratings.astype(np.float32),
        timestamps=None,
        titles={"movie_1": Movie("Café, Das (1999)", ("Comedy", "Drama"))},
    )


def tiny_dataset(table: RatingsTable | None = None) -> Dataset:
    """Split `tiny_table`, or another table of the same pairs.

    Test rows are every fifth row, and all rows of a cold user and a cold movie.
    """
    table = table or tiny_table()
    rows = np.arange(table.rows)
    test = (rows % 5 == 0) | (table.user_index == USERS - 1) | (table.movie_index == MOVIES - 1)
    nothing = np.empty(0, dtype=np.int64)
    return prepare(table, Split("random", 0, train=rows[~test], validation=nothing, test=rows[test]))


def build_store(
    store: Path,
    *settings: ModelSettings,
    recipe: Recipe = QUICK,
    with_ratings: bool = False,
    table: RatingsTable | None = None,
) -> Path:
    """Publish a briefly trained `baseline` and `memory_efficient` (or the models given) beside the others."""
    options = PublishOptions(store, ratings=with_ratings, keep_others=True)
    fit_on(tiny_dataset(table), settings or (TINY_BASELINE, TINY_MEMORY_EFFICIENT), recipe, options)
    return store


def tiny_file(folder: Path) -> Path:
    """`tiny_table` as a CSV in the folder."""
    table, file = tiny_table(), folder / "tiny.csv"
    columns = zip(table.user_index + 1, table.movie_index + 1, table.ratings, strict=True)
    rows = "".join(f"{user},{movie},{stars:g}\n" for user, movie, stars in columns)
    file.write_text(f"user,movie,rating\n{rows}")
    return file
