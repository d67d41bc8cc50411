"""The table engine predicts the same as Keras for every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.contracts.engine_contract import MOVIES, USERS, assert_same, read, save
from training.artefact import ArtefactForeign
from training.artefact.engine import read_tables
from training.families.full import FullSide
from training.families.packed_table import PackedSide, PackedTable, pack
from training.families.unpacking import ID_BYTES, CodedSide
from training.layers import (
    HashEmbedding,
    MDEmbedding,
    PackedEmbedding,
    QREmbedding,
    RatingHead,
)

DIM = 6


def full(count: int, name: str, dim: int = DIM, **options: Any) -> Any:
    return keras.layers.Embedding(count, dim, name=name, **options)


def packed(
    count: int,
    name: str,
    ones_at: int | None = None,
    block_sizes: tuple[int, ...] = (16, 25),
    least_width: int = 0,
    most_width: int = 8,
) -> Any:
    """Return a packed layer with every width in the given range and codes of all sizes."""
    random = np.random.default_rng(3)
    blocks = (*block_sizes, count - sum(block_sizes)) if sum(block_sizes) < count else block_sizes
    columns = DIM - (ones_at is not None)
    widths = random.integers(least_width, most_width + 1, (len(blocks), columns)).astype(np.uint8)
    rows = [
        random.integers(0, 2 ** widths[place].astype(int), (size, columns))
        for place, size in enumerate(blocks)
    ]
    steps = np.where(widths, random.uniform(0.002, 0.02, widths.shape), 0).astype(np.float16)
    codes = pack(np.concatenate(rows), widths, blocks)
    layer = PackedEmbedding(count, blocks, columns, codes.size, ones_at, name=name)
    layer.set_table(PackedTable(blocks, widths, steps, codes))
    return layer


FAMILIES: dict[str, Any] = {
    "full": lambda: (
        full(USERS, "user_embedding"),
        full(MOVIES, "movie_embedding"),
        RatingHead(name="rating"),
    ),
    **{
        operation: lambda operation=operation: (
            QREmbedding(USERS, DIM, 7, operation, name="user_embedding"),
            QREmbedding(MOVIES, DIM, 5, operation, quotient_rows=11, name="movie_embedding"),
            RatingHead(name="rating"),
        )
        for operation in ("multiply", "add", "concatenate")
    },
    "mixed dimension": lambda: (
        MDEmbedding((20, 33), (3, 2), DIM, name="user_embedding"),
        MDEmbedding((1, 9, 31), (6, 4, 1), DIM, True, True, name="movie_embedding"),
        RatingHead(name="rating"),
    ),
    "many blocks": lambda: (
        MDEmbedding((4,) * 13 + (1,), (2,) * 14, DIM, name="user_embedding"),
        full(MOVIES, "movie_embedding"),
        RatingHead(name="rating"),
    ),
    "hashing": lambda: (
        HashEmbedding(USERS, DIM, 20, name="user_embedding"),
        HashEmbedding(MOVIES, DIM, 90, name="movie_embedding"),
        RatingHead(name="rating"),
    ),
    "biases": lambda: (
        full(USERS, "user_embedding"),
        MDEmbedding((10, 31), (6, 2), DIM, name="movie_embedding"),
        RatingHead(global_bias=True, name="rating"),
        full(USERS, "user_bias", 1),
        full(MOVIES, "movie_bias", 1),
    ),
    "packed": lambda: (
        packed(USERS, "user_embedding", 0, (53,)),
        packed(MOVIES, "movie_embedding", 5),
        RatingHead(global_bias=True, name="rating"),
    ),
    "whole bytes": lambda: (
        packed(USERS, "user_embedding", least_width=8, block_sizes=(53,), ones_at=2),
        packed(MOVIES, "movie_embedding", least_width=8, ones_at=5),
        RatingHead(name="rating"),
    ),
    "packed and full": lambda: (
        full(USERS, "user_embedding"),
        packed(MOVIES, "movie_embedding"),
        RatingHead(name="rating"),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_table_engine_predicts_as_keras(family: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    layers = FAMILIES[family]()
    indexed = save(path, *layers)
    tables = assert_same(path, indexed)
    # A model this small is always unpacked to float32.
    stored = sum(int(np.prod(w.shape)) * np.dtype(w.dtype).itemsize for w in indexed.weights)
    values = DIM * (USERS + MOVIES)
    decoded = {"packed": 4 + 4 * values, "packed and full": 4 * values, "whole bytes": 4 * values}
    assert tables.nbytes == decoded.get(family, stored)


@pytest.mark.parametrize(
    ("room", "forms"),
    [
        (0, ("packed", "packed")),
        (300, ("packed", "coded")),
        (700, ("coded", "coded")),
        (1500, ("coded", "full")),
        (2500, ("full", "full")),
    ],
)
def test_packed_tables_are_unpacked_to_the_fastest_form_that_fits(
    room: int, forms: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    indexed = save(path, *FAMILIES["packed"]())
    stored = sum(int(np.prod(w.shape)) * np.dtype(w.dtype).itemsize for w in indexed.weights)
    ids = ID_BYTES * (USERS + MOVIES)
    tables = assert_same(path, indexed, spare=ids + room)
    assert (_form(tables.users), _form(tables.movies)) == forms
    assert tables.nbytes <= stored + room
    assert (tables.nbytes > stored) == (room > 0)


@pytest.mark.parametrize("most_width", [1, 7, 8])
def test_coded_tables_of_every_width_predict_the_same(most_width: int, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    layers = (
        packed(USERS, "user_embedding", 2, (40,), most_width=most_width),
        packed(MOVIES, "movie_embedding", 5, most_width=most_width),
        RatingHead(name="rating"),
    )
    tables = assert_same(path, save(path, *layers), spare=ID_BYTES * (USERS + MOVIES) + 700)
    assert (_form(tables.users), _form(tables.movies)) == ("coded", "coded")


def _form(table: object) -> str:
    names: dict[type, str] = {PackedSide: "packed", CodedSide: "coded", FullSide: "full"}
    return names[type(table)]


@keras.saving.register_keras_serializable(package="stars")
class StrangeHead(RatingHead):
    # Registered like a layer that is imported before a model is loaded.
    __module__ = "training.layers.strange_head"


@pytest.mark.parametrize(
    "layers",
    [
        lambda: (full(USERS, "user_embedding"), full(MOVIES, "movie_embedding"), StrangeHead(name="rating")),
        lambda: (full(USERS, "other"), full(MOVIES, "movie_embedding"), RatingHead(name="rating")),
        lambda: (
            full(USERS, "user_embedding", dtype="mixed_float16"),
            full(MOVIES, "movie_embedding"),
            RatingHead(name="rating"),
        ),
        lambda: (
            full(USERS + 1, "user_embedding"),
            full(MOVIES, "movie_embedding"),
            RatingHead(name="rating"),
        ),
    ],
    ids=["class", "layer", "precision", "size"],
)
def test_unsupported_model_is_rejected_with_a_hint_to_the_keras_engine(layers: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    save(path, *layers())
    with pytest.raises(ArtefactForeign, match="RATINGS_ENGINE=keras") as refused:
        read_tables(read(path))
    assert "\n" not in str(refused.value)
