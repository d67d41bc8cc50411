from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.data.helpers import BUNDLED, shared, table_of, write
from training.data.dataset import Dataset, prepare
from training.data.readers.ratings import load_ratings
from training.data.split import Split, split_ratings
from training.errors import SplitError


def split_of(train: list[int], validation: list[int], test: list[int]) -> Split:
    return Split("random", 0, *(np.array(part, dtype=np.int64) for part in (train, validation, test)))


def test_index_is_the_popularity_rank_in_the_training_rows() -> None:
    #        row    0  1  2  3  4  5  6  7
    table = table_of([4, 4, 9, 9, 2, 2, 7, 7], [1, 2, 1, 3, 5, 1, 5, 6])
    found = prepare(table, split_of([0, 1, 2, 4], [3, 5], [6, 7]))
    # Training rows: 4-1, 4-2, 9-1, 2-5. User 4 has two; 2 and 9 have one and keep their order; 7 has none.
    assert list(found.users) == ["user_4", "user_2", "user_9", "user_7"]
    assert (found.users.warm, found.user_popularity.tolist()) == (3, [2, 1, 1, 0])
    assert list(found.movies) == ["movie_1", "movie_2", "movie_5", "movie_3", "movie_6"]
    assert (found.movies.warm, found.movie_popularity.tolist()) == (3, [2, 1, 1, 0, 0])
    assert found.train.user_index.tolist() == [0, 0, 2, 1]
    assert found.train.movie_index.tolist() == [0, 1, 0, 2]
    assert found.validation.user_index.tolist() == [2, 1]
    assert found.test.movie_index.tolist() == [2, 4]
    assert (len(found.train), len(found.validation), len(found.test)) == (4, 2, 2)
    assert found.train.user_index.dtype == np.int32


def test_ml_1m_has_19_test_rows_of_cold_movies() -> None:
    table = load_ratings(shared("ml-1m"))
    found = prepare(table, split_ratings(table, "random"))
    assert (found.users.warm, found.movies.warm, len(found.movies)) == (6_040, 3_706 - 18, 3_706)
    assert int((found.test.movie_index >= found.movies.warm).sum()) == 19


def test_every_example_matches_its_row() -> None:
    table = load_ratings(BUNDLED)
    found = prepare(table, split_ratings(table, "time", validation_fraction=0.1))
    for rows, examples in ((found.split.train, found.train), (found.split.test, found.test)):
        for place in range(0, rows.size, 997):
            row = rows[place]
            assert found.users[examples.user_index[place]] == table.users[table.user_index[row]]
            assert found.movies[examples.movie_index[place]] == table.movies[table.movie_index[row]]
            assert examples.ratings[place] == table.ratings[row]
    assert np.all(np.diff(found.user_popularity) <= 0)
    assert np.bincount(found.train.movie_index, minlength=len(found.movies)).tolist() == (
        found.movie_popularity.tolist()
    )


def _warm(found: Dataset) -> tuple[list[str], list[str], list[int], list[int]]:
    users, movies = list(found.users)[: found.users.warm], list(found.movies)[: found.movies.warm]
    return (
        users,
        movies,
        found.user_popularity[: len(users)].tolist(),
        found.movie_popularity[: len(movies)].tolist(),
    )


@settings(max_examples=max(25, settings().max_examples // 4))  # each reads two files
@given(
    pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=2, max_size=40, unique=True),
    is_test=st.lists(st.booleans(), min_size=40, max_size=40),
    letters=st.booleans(),
)
def test_deleting_the_test_rows_changes_neither_order_nor_popularity(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[int, int]],
    is_test: list[bool],
    letters: bool,
) -> None:
    lines = [f"u{user},m{movie},3" if letters else f"{user},{movie},3" for user, movie in pairs]
    is_test = is_test[: len(lines)]
    train = [row for row, held_out in enumerate(is_test) if not held_out]
    if not train:
        return
    folder = tmp_path_factory.mktemp("laws")
    whole = load_ratings(write(folder, "whole.csv", "\n".join(["user,movie,rating", *lines])))
    kept = load_ratings(
        write(folder, "kept.csv", "\n".join(["user,movie,rating", *(lines[row] for row in train)]))
    )
    test = [row for row, held_out in enumerate(is_test) if held_out]
    of_whole = prepare(whole, split_of(train, [], test))
    of_kept = prepare(kept, split_of(list(range(len(train))), [], []))
    assert _warm(of_whole) == _warm(of_kept)
    assert len(of_whole.users) == len(whole.users)


@pytest.mark.parametrize(
    ("train", "test"), [([0, 1], [3]), ([0, 1, 2], [2]), ([0, 1, 2], [4]), ([0, 1, 2], [-1])]
)
def test_split_of_another_table_is_rejected(train: list[int], test: list[int]) -> None:
    with pytest.raises(SplitError, match="does not cover the 4 ratings"):
        prepare(table_of([1, 2, 3, 4], [1, 1, 1, 1]), split_of(train, [], test))


def test_ties_of_text_ids_are_broken_by_their_first_training_row(tmp_path: Path) -> None:
    path = write(tmp_path, "r.csv", "user,movie,rating\nlate,x,1\nearly,x,2\nlate,y,3\n")
    found = prepare(load_ratings(path), split_of([1, 2], [], [0]))
    assert list(found.users) == ["early", "late"]
