"""A store for attacks, and a canary that must stay untouched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.hostile.starting import Canary

ATTACKED = "memory_efficient"


@pytest.fixture
def hostile_store(tmp_path: Path) -> Path:
    """Return a store of one shipped model, which a test may modify."""
    shutil.copytree(REPOSITORY / "models_store" / ATTACKED, tmp_path / "store" / ATTACKED)
    return tmp_path / "store"


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    (tmp_path / "canary").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "canary")
    canary = Canary(tmp_path / "canary")
    yield canary
    canary.close()
