"""Files, tables and real data sets for the tests of `training.data`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.artefact.ids.vocabulary import Vocabulary
from training.data.table import RatingsTable

REPOSITORY = Path(__file__).resolve().parents[3]
BUNDLED = REPOSITORY / "data" / "ml-latest-small"


def shared(name: str) -> Path:
    """Return a real data set that may not be in the repository; skip the test if it is missing."""
    folder = REPOSITORY.parent / "shared" / "data" / name
    if not folder.is_dir():
        pytest.skip(f"{name} is missing; its licence does not allow bundling it")
    return folder


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file with exactly these bytes (text as UTF-8)."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table_of(
    users: list[int], movies: list[int], timestamps: list[int] | None = None, name: str = "made-up"
) -> RatingsTable:
    """Return a table of the given numbered ids in which every rating is 3 stars."""
    user_numbers, user_index = np.unique(np.array(users, dtype=np.int64), return_inverse=True)
    movie_numbers, movie_index = np.unique(np.array(movies, dtype=np.int64), return_inverse=True)
    return RatingsTable(
        name=name,
        layout="csv",
        path=Path(f"{name}.csv"),
        sha256="0" * 64,
        licence="made up",
        redistributable=True,
        users=Vocabulary.from_numbers(user_numbers, "user_"),
        movies=Vocabulary.from_numbers(movie_numbers, "movie_"),
        user_index=user_index.astype(np.int32),
        movie_index=movie_index.astype(np.int32),
        ratings=np.full(len(users), 3, dtype=np.float32),
        timestamps=None if timestamps is None else np.array(timestamps, dtype=np.int64),
        titles={},
    )


def rated(table: RatingsTable) -> list[tuple[str, str, float]]:
    """Return the rows of a table as user id, movie id and rating."""
    return [
        (table.users[user], table.movies[movie], float(rating))
        for user, movie, rating in zip(
            table.user_index.tolist(), table.movie_index.tolist(), table.ratings, strict=True
        )
    ]
