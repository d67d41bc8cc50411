"""Helpers to check that the table engine predicts the same as Keras for a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.artefact.archive import Archive, read_archive
from training.artefact.engine import RatingTables, read_tables
from training.artefact.ids.vocabulary import Vocabulary
from training.families.unpacking import SPARE_BYTES

USERS, MOVIES = 53, 41


def save(path: Path, user: Any, movie: Any, head: Any, user_bias: Any = None, movie_bias: Any = None) -> Any:
    """Save a model of these layers as the trainer does; return it as a function of indices."""
    from training.layers import IdLookup

    index = [keras.Input(shape=(), dtype="int32", name=f"{side}_index") for side in ("user", "movie")]
    ids = [keras.Input(shape=(), dtype="string", name=f"{side}_id") for side in ("user", "movie")]
    vocabularies = (
        Vocabulary.from_numbers(np.arange(USERS), "user_"),
        Vocabulary.from_texts([f"m{number}" for number in range(MOVIES)]),
    )
    found = [
        IdLookup(vocabulary, name=f"{side}_lookup")(symbol)
        for vocabulary, side, symbol in zip(vocabularies, ("user", "movie"), ids, strict=True)
    ]

    def rate(places: list[Any]) -> Any:
        looked_up = [user(places[0]), movie(places[1])]
        if user_bias is not None:
            looked_up += [user_bias(places[0]), movie_bias(places[1])]
        return head(*looked_up)

    indexed = keras.Model(index, rate(index))
    random = np.random.default_rng(5)
    for weight in indexed.weights:
        if weight.dtype == "float32":
            weight.assign(random.normal(0, 0.7, weight.shape))
    keras.Model(ids, rate(found)).save(path)
    return indexed


def read(path: Path) -> Archive:
    """Open the archive at `path` without a manifest."""
    with path.open("rb") as file:
        return read_archive(path, file)


def assert_same(path: Path, indexed: Any, spare: int = SPARE_BYTES) -> RatingTables:
    """Check that the stored tables and the model agree on every pair, alone and in any batch."""
    tables = read_tables(read(path), spare)
    user, movie = np.indices((USERS, MOVIES), dtype=np.int32).reshape(2, -1)
    expected = np.asarray(indexed([user, movie]))
    rated = tables.rate(user, movie)
    assert rated.dtype == np.float32
    np.testing.assert_allclose(rated, expected, rtol=0, atol=1e-5)
    singles = [tables.rate_one(int(u), int(m)) for u, m in zip(user, movie, strict=True)]
    assert singles == rated.tolist()
    half = rated.size // 2 + 3
    assert tables.rate(user[half:], movie[half:]).tolist() == rated[half:].tolist()
    for one in (0, USERS - 1):
        keys = tables.affinities(one)
        stars = rated.reshape(USERS, MOVIES)[one]
        some = np.arange(MOVIES)[::-3]
        assert tables.rate_for(one, some).tolist() == stars[some].tolist()
        order = np.argsort(keys, kind="stable")
        assert np.all(np.diff(stars[order]) > -1e-5)
    return tables
