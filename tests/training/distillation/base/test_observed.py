from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.training.data.helpers import BUNDLED, table_of
from training.artefact.rating_scale import RatingScale
from training.data.dataset import make_dataset
from training.data.readers.ratings import load_ratings
from training.data.shards.grouping import grouped
from training.distillation.base.observed import Observed


def test_ratings_are_sorted_by_user_in_stars_and_ordered_by_movie() -> None:
    table = table_of([7, 7, 7, 8, 8, 9, 9, 9, 9, 6], [1, 2, 3, 1, 2, 1, 2, 3, 4, 1])
    table = replace(table, ratings=np.arange(1, 11).astype(np.float32), scale=RatingScale(0.0, 10.0, 1.0))
    dataset = make_dataset(table)
    observed = Observed.of(dataset)
    train = dataset.train
    expected = sorted(
        zip(train.user_index.tolist(), train.movie_index.tolist(), (train.ratings / 2).tolist(), strict=True)
    )
    rows = (observed.user_index.tolist(), observed.movie_index.tolist(), observed.ratings.tolist())
    assert list(zip(*rows, strict=True)) == expected
    assert observed.user_ends.tolist() == np.searchsorted(rows[0], np.arange(observed.users + 1)).tolist()
    assert observed.user_counts.tolist() == np.bincount(rows[0], minlength=observed.users).tolist()
    assert observed.movie_counts.tolist() == np.bincount(rows[1], minlength=observed.movies).tolist()
    for side, own, other in ((observed.by_user, 0, 1), (observed.by_movie, 1, 0)):
        ids = np.array(rows[own])[side.order]
        assert (np.diff(ids) >= 0).all()
        assert side.other.tolist() == np.array(rows[other])[side.order].tolist()
        assert side.ends.tolist() == np.searchsorted(ids, np.arange(side.ends.size)).tolist()


def test_places_of_ratings_are_the_same_from_the_engine() -> None:
    observed = Observed.of(make_dataset(load_ratings(BUNDLED)))
    places = np.arange(len(observed))
    ends, other, order = grouped(
        observed.movie_index, observed.user_index, places, observed.movies, memory_rows=0
    )
    assert ends.tolist() == observed.by_movie.ends.tolist()
    assert other.tolist() == observed.by_movie.other.tolist()
    assert order.tolist() == np.asarray(observed.by_movie.order).tolist()
