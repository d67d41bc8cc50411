"""A store to spoil, and what must stay untouched while it is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.hostile.starting import Canary

SPOILT = "memory_efficient"


@pytest.fixture
def hostile_store(tmp_path: Path) -> Path:
    """A store of one shipped model that a test may spoil."""
    shutil.copytree(REPOSITORY / "models_store" / SPOILT, tmp_path / "store" / SPOILT)
    return tmp_path / "store"


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    (tmp_path / "canary").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "canary")
    canary = Canary(tmp_path / "canary")
    yield canary
    canary.close()
