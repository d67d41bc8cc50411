"""Distributions of ratings in an artefact: stored in two bits an id, checked, and fitted by `fit`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import QUICK, TINY_BASELINE
from tests.training.data.helpers import BUNDLED
from training.artefact import ArtefactDamaged, ArtefactMissing, Uncertainty, is_unchanged, open_artefact
from training.artefact.uncertainty import Spreads
from training.artefact.writer import file_record, publish
from training.data.dataset import make_dataset
from training.data.readers.ratings import load_ratings
from training.publish.options import PublishOptions
from training.publish.workflow import fit_on

USERS, MOVIES = 29, 39


@pytest.fixture(scope="module")
def uncertainty() -> Uncertainty:
    random = np.random.default_rng(5)
    spreads = Spreads(
        levels=np.array([1.0, 2.0, 3.5, 5.0]),
        cuts=np.array([-2.25, 0.125, 1.5]),
        users=np.array([-0.5, -0.25, 0.25, 0.5]),
        movies=np.array([-0.125, 0.0, 0.0625, 0.25]),
        shifts=np.array([-0.25, 0.0, 0.0, 0.125, 0.25]),
        cold=np.array([0.5, 0.25, 0.75]),
    )
    users, movies = (random.integers(0, 4, size).astype(np.uint8) for size in (USERS, MOVIES))
    return Uncertainty(spreads, users, movies)


@pytest.fixture
def folder(shared_store: Path, uncertainty: Uncertainty, tmp_path: Path) -> Path:
    """An artefact with distributions."""
    source = shared_store / "baseline"
    old = open_artefact(source)

    def save(path: Path) -> None:
        shutil.copy(source / "model.keras", path)

    publish(tmp_path, dict(old.manifest), save, {}, uncertainty=uncertainty)
    return tmp_path / "baseline"


def test_stored_distributions_are_the_fitted_ones(folder: Path, uncertainty: Uncertainty) -> None:
    artefact = open_artefact(folder)
    found, record = artefact.uncertainty, artefact.manifest.uncertainty_file
    assert found is not None and record is not None
    # Two bits an id: 29 users in 8 bytes, 39 movies in 10.
    assert record.bytes == (folder / "uncertainty.bin").stat().st_size == 18
    user, movie = (index.astype(np.int32).ravel() for index in np.indices((USERS + 1, MOVIES + 1)))
    ratings = np.linspace(0.5, 5, user.size)
    np.testing.assert_array_equal(
        found.cumulative(user, movie, ratings), uncertainty.cumulative(user, movie, ratings)
    )


def test_artefact_without_distributions_says_so(shared_store: Path) -> None:
    artefact = open_artefact(shared_store / "baseline")
    assert artefact.uncertainty is None
    assert "uncertainty_file" not in json.loads((shared_store / "baseline" / "manifest.json").read_text())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record: record["levels"].__setitem__(-1, 6.0), "off the rating scale"),
        (lambda record: record["levels"].__setitem__(0, 2.0), "levels must ascend"),
        (lambda record: record["cuts"].reverse(), "cuts must ascend"),
        (lambda record: record["cuts"].pop(), "one cut point between two levels"),
        (lambda record: record["users"].__setitem__(0, 11.0), "less than or equal to 10"),
        (lambda record: record["cold"].pop(), "at least 3 items"),
        (lambda record: record["shifts"].pop(), "at least 5 items"),
        (lambda record: record.clear(), "Field required"),
    ],
)
def test_record_that_does_not_fit_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["uncertainty_file"])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactDamaged, match=reason):
        open_artefact(folder)


def test_changed_or_missing_file_is_noticed(folder: Path) -> None:
    manifest = open_artefact(folder).manifest
    assert is_unchanged(folder, manifest)
    path = folder / "uncertainty.bin"
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(ArtefactDamaged, match="not the file that its manifest states"):
        open_artefact(folder)
    path.write_bytes(content + b"\0")
    stated = json.loads((folder / "manifest.json").read_text())
    stated["uncertainty_file"] |= file_record(path).model_dump()
    (folder / "manifest.json").write_text(json.dumps(stated))
    with pytest.raises(ArtefactDamaged, match="two bits for each warm id"):
        open_artefact(folder)
    path.unlink()
    with pytest.raises(ArtefactMissing, match=r"uncertainty\.bin"):
        open_artefact(folder)


def test_fit_stores_distributions_if_there_are_enough_validation_rows(
    shared_store: Path, tmp_path: Path
) -> None:
    recipe = QUICK.model_copy(update={"validation_fraction": 0.05, "epochs": 1, "batch_size": 1024})
    dataset = make_dataset(load_ratings(BUNDLED), validation_fraction=0.05)
    (artefact,) = fit_on(dataset, [TINY_BASELINE], recipe, PublishOptions(tmp_path))
    assert artefact.uncertainty is not None
    assert artefact.uncertainty.spreads.levels.tolist() == [step / 2 for step in range(1, 11)]
    # The same model of few ratings.
    assert open_artefact(shared_store / "baseline").uncertainty is None
