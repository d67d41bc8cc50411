"""A fitted model with its tables rounded: as near as the bits allow, and as small as it says."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.builders import tiny_table
from training.artefact import open_artefact
from training.artefact.rounded import SCALES, Scale
from training.data.split import split_ratings
from training.distillation.named import DISTILLED
from training.errors import SettingsError
from training.fit.recipes import BIASED
from training.models.low_precision import in_precision
from training.models.rating_model import RatingModel, build_rating_model, resolve_settings
from training.publish.workflow import make_dataset, train
from training.settings import (
    FullTable,
    HashingTrick,
    MixedDimension,
    ModelSettings,
    Packed,
    Precision,
    QuotientRemainder,
    Side,
)

USERS, MOVIES = 30, 40
SIDES: dict[str, tuple[Side, Side]] = {
    "full": (FullTable(), FullTable()),
    "quotient-remainder": (QuotientRemainder(operation="add"), QuotientRemainder()),
    "mixed and hashed": (
        MixedDimension(block_sizes=(10, 20), block_dims=(8, 2)),
        HashingTrick(num_buckets=9),
    ),
}


def fitted(users: Side, movies: Side) -> RatingModel:
    keras.utils.set_random_seed(0)
    settings = ModelSettings(
        name="model", description="", embedding_dim=8, users=users, movies=movies, biases=True
    )
    model = build_rating_model(settings, USERS, MOVIES)
    random = np.random.default_rng(0)
    for weight in model.indexed.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    return model


def rate(model: RatingModel) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    pairs = np.indices((USERS, MOVIES), dtype=np.int32).reshape(2, -1)
    return np.asarray(model.indexed(list(pairs)))


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("scale", SCALES)
def test_more_bits_are_nearer_to_the_fitted_model(sides: str, scale: Scale) -> None:
    model = fitted(*SIDES[sides])
    expected = rate(model)
    off = [
        float(np.abs(rate(in_precision(model, Precision(bits=bits, scale=scale))) - expected).mean())
        for bits in (2, 4, 8)
    ]
    assert off[0] > 2 * off[1] > 4 * off[2]
    assert off[2] < 0.02
    half = in_precision(model, Precision(bits=16))
    assert np.abs(rate(half) - expected).max() < 0.01
    tables = [weight for weight in half.indexed.weights if weight.path != "rating/global_bias"]
    assert {weight.dtype for weight in tables} == {"float16"}


def test_the_file_is_as_small_as_it_says(tmp_path: Path) -> None:
    table = tiny_table()
    settings = ModelSettings(
        name="model", description="", embedding_dim=6, biases=True, precision=Precision(bits=4, scale="row")
    )
    recipe = BIASED.model_copy(update={"epochs": 1})
    dataset = make_dataset(table, "random", 0, recipe)
    manifest = train(settings, recipe, dataset, tmp_path, {}).manifest
    # Six values of four bits are three bytes a row, and its scale and its bias two each.
    assert manifest.weights_bytes == (30 + 40) * (3 + 2 + 2) + 4
    assert manifest.parameters.total == (30 + 40) * (6 + 1 + 1) + 1
    assert manifest.settings["precision"] == {"bits": 4, "scale": "row"}
    assert open_artefact(tmp_path / "model").manifest == manifest
    assert split_ratings(table, "random", 0, 0.0).test_sha256 == manifest.split.test_sha256


def test_what_is_in_few_bits_is_not_rounded_again() -> None:
    settings = ModelSettings(
        name="model", description="", embedding_dim=6, movies=Packed(), precision=Precision(bits=4)
    )
    with pytest.raises(SettingsError, match="packed side is in few bits already"):
        resolve_settings(settings, 5, 5)
    assert all("precision" not in model.model_dump() for model in DISTILLED.values())
