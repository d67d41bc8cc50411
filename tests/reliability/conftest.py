"""Two versions of the same models, which can be told apart by every response."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.builders import QUICK, build_store
from tests.reliability.versions import Versions


@pytest.fixture(scope="session")
def other_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the models of `shared_store`, trained for less time. Tests must not modify it."""
    less = QUICK.model_copy(update={"epochs": 1})
    return build_store(tmp_path_factory.mktemp("stores") / "other", recipe=less)


@pytest.fixture
def versions(shared_store: Path, other_store: Path, tmp_path: Path) -> Versions:
    """Return a store whose models can be replaced atomically, with the first version."""
    for name, store in (("first", shared_store), ("second", other_store)):
        shutil.copytree(store, tmp_path / name)
    (tmp_path / "store").mkdir()
    found = Versions(tmp_path)
    for model in shared_store.iterdir():
        if not model.name.startswith("."):
            found.publish("first", model.name)
    return found
