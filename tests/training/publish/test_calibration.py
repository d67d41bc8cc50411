"""The command `calibrate`: distributions for stored models, whose weights stay."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.builders import QUICK, TINY_BASELINE
from tests.training.data.helpers import BUNDLED
from training.artefact import open_artefact
from training.data.dataset import make_dataset
from training.data.readers.ratings import load_ratings
from training.errors import SettingsError
from training.publish.calibration import calibrate
from training.publish.options import DataOptions, PublishOptions
from training.publish.workflow import fit_on


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model of the bundled ratings that was fitted to all training rows."""
    store = tmp_path_factory.mktemp("calibrate") / "store"
    recipe = QUICK.model_copy(update={"epochs": 1, "batch_size": 1024})
    fit_on(make_dataset(load_ratings(BUNDLED)), [TINY_BASELINE], recipe, PublishOptions(store))
    return store


def test_distributions_are_added_and_nothing_else_changes(store: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(store, tmp_path / "store"))
    before = open_artefact(copy / "baseline")
    assert before.uncertainty is None
    (manifest,) = calibrate(copy, DataOptions(BUNDLED), work=tmp_path / "work")
    after = open_artefact(copy / "baseline")
    assert after.uncertainty is not None
    # Every warm user and movie has a class.
    assert after.uncertainty.user_classes.size == before.users.warm
    assert after.uncertainty.movie_classes.size == before.movies.warm
    changed = {"uncertainty_file"}
    assert manifest.model_dump(exclude=changed) == before.manifest.model_dump(exclude=changed)
    for name in ("model.keras", "movies.json", "ratings.bin"):
        assert (copy / "baseline" / name).read_bytes() == (store / "baseline" / name).read_bytes()
    assert calibrate(copy, DataOptions(BUNDLED), work=tmp_path / "work") == []


def test_models_of_other_ratings_are_refused(shared_store: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_store, tmp_path / "store")
    with pytest.raises(SettingsError, match=r"no model in .* was trained on"):
        calibrate(tmp_path / "store", DataOptions(BUNDLED), work=tmp_path / "work")
