"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Matrices here are tiny: on a busy machine threads wait for each other many times longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine makes no law false.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small store, trained once; read it, never write to it."""
    from tests.builders import build_store

    return build_store(tmp_path_factory.mktemp("stores") / "store")


@pytest.fixture
def store(shared_store: Path, tmp_path: Path) -> Path:
    """A copy of the small store that a test may spoil."""
    return Path(shutil.copytree(shared_store, tmp_path / "store"))
