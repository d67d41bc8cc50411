"""Twins are exactly the ids that get the same rating from every id of the other side."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from training.artefact import open_artefact
from training.artefact.engine import RatingTables, count_twins, read_tables
from training.artefact.manifest import DistinctSideRecord, DistinctVectorsRecord
from training.families.full import FullSide


def _counts(ids: int, distinct: int, sharing: int, largest: int) -> DistinctSideRecord:
    return DistinctSideRecord(ids=ids, distinct=distinct, sharing=sharing, largest=largest)


def _by_answers(tables: RatingTables, users: int, movies: int) -> DistinctVectorsRecord:
    """Count the twins by rating every pair."""
    pairs = np.divmod(np.arange(users * movies, dtype=np.int32), np.int32(movies))
    answers = tables.rate(*pairs).reshape(users, movies)
    counted = []
    for rows in (answers, answers.T):
        groups = np.array(np.unique([row.tobytes() for row in rows], return_counts=True)[1])
        counted.append(_counts(len(rows), groups.size, int(groups[groups > 1].sum()), int(groups.max())))
    return DistinctVectorsRecord(users=counted[0], movies=counted[1])


@pytest.mark.parametrize("name", ["compact", "tiny", "memory_efficient"])
def test_users_with_equal_rows_and_only_they_get_equal_answers(name: str) -> None:
    artefact = open_artefact(REPOSITORY / "models_store" / name)
    tables = read_tables(artefact.archive)
    users, movies = artefact.users.warm, artefact.movies.warm
    own = count_twins(tables, users, movies).users
    # Every 40th movie is enough to tell all users apart that any movie does, and takes a second.
    some = np.arange(0, movies, 40, dtype=np.int32)
    index = np.repeat(np.arange(users, dtype=np.int32), some.size), np.tile(some, users)
    answers = tables.rate(*index).reshape(users, some.size)
    groups = np.unique([row.tobytes() for row in answers], return_counts=True)[1]
    assert (groups.size, int(groups.max())) == (own.distinct, own.largest)


def test_a_bias_tells_twins_apart_and_a_column_that_is_never_used_does_not() -> None:
    rng = np.random.default_rng(0)
    users = rng.integers(-1, 2, (60, 3)).astype(np.float32)
    movies = rng.integers(-1, 2, (40, 3)).astype(np.float32)
    movies[:, 2] = 0
    bias = rng.integers(0, 2, 60).astype(np.float32)
    for user_bias in (None, bias):
        tables = RatingTables(FullSide(users), FullSide(movies), user_bias)
        counted = count_twins(tables, 60, 40)
        assert counted == _by_answers(tables, 60, 40)
        assert counted.users.sharing > 0
        assert counted.users.distinct == len(
            np.unique(np.column_stack([users[:, :2], bias if user_bias is not None else 0 * bias]), axis=0)
        )


def test_ids_without_training_ratings_do_not_count() -> None:
    users = np.array([[1.0], [2.0], [2.0]], np.float32)
    movies = np.array([[1.0], [3.0], [3.0]], np.float32)
    tables = RatingTables(FullSide(users), FullSide(movies))
    for warm, each in ((2, _counts(2, 2, 0, 1)), (3, _counts(3, 2, 2, 2))):
        assert count_twins(tables, warm, warm) == DistinctVectorsRecord(users=each, movies=each)
