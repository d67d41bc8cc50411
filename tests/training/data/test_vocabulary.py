from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.data.helpers import table_of, write
from training.data.readers.ratings import load_ratings
from training.data.vocabulary import by_popularity


@pytest.mark.parametrize(
    ("texts", "expected", "prefix"),
    [
        (["10", "9", "0"], ["user_0", "user_9", "user_10"], "user_"),
        (["user_10", "user_9"], ["user_9", "user_10"], "user_"),
        # A single id that is not a plain number makes all of them text, in order of first appearance.
        (["10", "09", "9"], ["9", "10", "09"], None),
        (["10", "user_9", "9"], ["9", "10", "user_9"], None),
        (["user_10", "user_09"], ["user_09", "user_10"], None),
        (["movie_10", "movie_9"], ["movie_9", "movie_10"], None),
        (["-1", "2"], ["2", "-1"], None),
        (["１", "2"], ["2", "１"], None),
        ([str(2**63 - 1), "2"], ["user_2", f"user_{2**63 - 1}"], "user_"),
        ([str(2**63), "2"], ["2", str(2**63)], None),
    ],
)
def test_catalogue_has_numbers_only_if_all_ids_are_numbers(
    tmp_path: Path, texts: list[str], expected: list[str], prefix: str | None
) -> None:
    # The first row has the last of the texts.
    users = [texts[-1], texts[0], *texts]
    rows = "".join(f"{user},{movie},3\n" for movie, user in enumerate(users))
    table = load_ratings(write(tmp_path, "r.csv", "user,movie,rating\n" + rows))
    assert list(table.users) == expected
    assert table.users.prefix == prefix
    assert [table.users[row] for row in table.user_index] == [table.users.canonical(user) for user in users]


def test_popularity_counts_the_given_rows_only() -> None:
    table = table_of([1, 1, 2, 3, 3], [1, 2, 1, 1, 2])
    found, rank, counts = by_popularity(table.users, table.user_index, [np.array([1]), np.array([3, 4])])
    assert list(found) == ["user_3", "user_1", "user_2"]
    assert (found.warm, rank.tolist(), counts.tolist()) == (2, [1, 2, 0], [2, 1, 0])
