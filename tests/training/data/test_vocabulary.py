from __future__ import annotations

import numpy as np
import pytest

from training.data.raw import IdColumn
from training.data.vocabulary import build_catalogue, by_popularity


@pytest.mark.parametrize(
    ("texts", "expected", "prefix"),
    [
        (["10", "9", "0"], ["user_0", "user_9", "user_10"], "user_"),
        (["user_10", "user_9"], ["user_9", "user_10"], "user_"),
        # One id that is no plain number, and all of them are text, by first appearance.
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
def test_whole_numbers_become_numbers_and_all_else_stays_text(
    texts: list[str], expected: list[str], prefix: str | None
) -> None:
    # The rows show the last of the texts first.
    codes = np.array([len(texts) - 1, 0, *range(len(texts))], dtype=np.int32)
    catalogue, index = build_catalogue(IdColumn(texts, codes), "user_")
    assert list(catalogue) == expected
    assert catalogue.prefix == prefix
    assert [catalogue[row] for row in index] == [catalogue.canonical(texts[code]) for code in codes]


def test_popularity_counts_the_given_rows_only() -> None:
    catalogue, index = build_catalogue(
        IdColumn(["1", "2", "3"], np.array([0, 0, 1, 2, 2], np.int32)), "user_"
    )
    found, rank, counts = by_popularity(catalogue, index, np.array([1, 3, 4]))
    assert list(found) == ["user_3", "user_1", "user_2"]
    assert (found.warm, rank.tolist(), counts.tolist()) == (2, [1, 2, 0], [2, 1, 0])
