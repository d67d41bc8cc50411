"""The histogram of ratings by popularity rank."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.publish.publishing import popularity_ranges


def test_popularity_ranges_match_hand_computed_values() -> None:
    found = [(one.first, one.last, one.ratings) for one in popularity_ranges(np.array([9, 5, 1]))]
    assert found == [(1, 1, 9), (2, 2, 5), (3, 3, 1)]
    assert popularity_ranges(np.empty(0, np.int64)) == []


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=3000))
def test_popularity_ranges_partition_ranks_and_ratings(counts: list[int]) -> None:
    ranges = popularity_ranges(np.array(sorted(counts, reverse=True)))
    assert len(ranges) <= 24
    assert (ranges[0].first, ranges[-1].last) == (1, len(counts))
    assert [one.first for one in ranges[1:]] == [one.last + 1 for one in ranges[:-1]]
    assert sum(one.ratings for one in ranges) == sum(counts)
