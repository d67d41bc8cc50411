"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.shared import made_once

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Matrices here are tiny: on a busy machine threads wait for each other many times longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A test fits for a few steps: to compile a step well takes longer than to run it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")

# A busy machine makes no law false. The same examples each time: a change is judged by itself.
settings.register_profile(
    "default", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# New examples each time, and more: `make fuzz`.
settings.register_profile(
    "thorough", settings.get_profile("default"), derandomize=False, max_examples=1000, print_blob=True
)
settings.load_profile("default")

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_finish() -> None:
    """Exempt what was imported (TensorFlow alone has a million objects) from garbage collection."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small store, trained once; read it, never write to it."""
    from tests.builders import build_store

    return made_once(tmp_path_factory, "store", build_store)


@pytest.fixture(scope="session")
def rated_store(shared_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store, but its `baseline` carries the ratings of its data set; read it, never write to it."""
    from tests.builders import TINY_BASELINE, build_store

    def make(store: Path) -> None:
        build_store(store, TINY_BASELINE, with_ratings=True)
        shutil.copytree(shared_store / "memory_efficient", store / "memory_efficient")

    return made_once(tmp_path_factory, "rated", make)


@pytest.fixture(scope="session")
def biased_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a briefly trained model that has biases; read it, never write to it."""
    from tests.builders import TINY_BIASED, build_store

    return made_once(tmp_path_factory, "biased", lambda store: build_store(store, TINY_BIASED))


@pytest.fixture
def store(shared_store: Path, tmp_path: Path) -> Path:
    """A copy of the small store that a test may modify."""
    return Path(shutil.copytree(shared_store, tmp_path / "store"))
