"""Hostile stores are refused with one line, in bounded time and memory, without side effects."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest

from app.scoring.loading import load_registry
from app.settings import Settings
from tests.app.processes import running
from tests.artefact_edits import rewrite_members, rewrite_weights
from tests.hostile.bypasses import Attack
from tests.hostile.conftest import ATTACKED
from tests.hostile.starting import (
    START_MEGABYTES,
    START_SECONDS,
    Canary,
    assert_plain,
    bounded,
    refused,
)
from tests.hostile.stores import ATTACKS, FILES, NO_FILES, link_to_zeros_without_end, pipe
from training.artefact import ArtefactError

NAMED = [pytest.param(attack, why, id=attack.__name__) for attack, why in ATTACKS.items()]


def load_refused(store: Path) -> str:
    with bounded(), pytest.raises(ArtefactError) as refusal:
        load_registry(Settings(store=store))
    line = str(refusal.value)
    assert ATTACKED in line
    assert_plain(line)
    return line


@pytest.mark.parametrize(("attack", "why"), NAMED)
def test_a_hostile_model_is_refused(attack: Attack, why: str, hostile_store: Path, canary: Canary) -> None:
    attack(hostile_store / ATTACKED, canary)
    assert why in load_refused(hostile_store)
    canary.assert_untouched()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("attack", NO_FILES)
def test_special_file_in_a_model_is_refused(
    attack: Attack, name: str, hostile_store: Path, canary: Canary
) -> None:
    attack(hostile_store / ATTACKED / name, canary)
    line = load_refused(hostile_store)
    assert name in line
    assert "root:" not in line
    canary.assert_untouched()


def test_symbolic_links_are_followed(hostile_store: Path, tmp_path: Path) -> None:
    # Volumes of Kubernetes and versioned folders use links.
    model = hostile_store / ATTACKED
    (model / "model.keras").rename(tmp_path / "elsewhere")
    (model / "model.keras").symlink_to(tmp_path / "elsewhere")
    assert list(load_registry(Settings(store=hostile_store)).models) == [ATTACKED]


def test_special_files_in_the_store_are_not_models(hostile_store: Path, canary: Canary) -> None:
    os.mkfifo(hostile_store / "pipe")
    (hostile_store / "zeros").symlink_to("/dev/zero")
    (hostile_store / "nowhere").symlink_to(canary.file)
    assert list(load_registry(Settings(store=hostile_store)).models) == [ATTACKED]


def wrong_sizes_of_text(folder: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        weights = bytearray(members["model.weights.h5"])
        first_size = weights.index(b"GCOL") + 24
        weights[first_size + 1] = 2
        members["model.weights.h5"] = bytes(weights)

    rewrite_members(folder, change)


def name_that_is_no_text(folder: Path) -> None:
    rewrite_weights(folder, lambda file: file["layers/id_lookup/vars"].attrs.update(name=np.arange(8)))


@pytest.mark.parametrize("engine", ["table", pytest.param("keras", marks=pytest.mark.long)])
@pytest.mark.parametrize("change", [wrong_sizes_of_text, name_that_is_no_text])
def test_text_beside_the_weights_is_not_read(
    change: Callable[[Path], None], engine: str, hostile_store: Path
) -> None:
    # Wrong sizes of text make the HDF5 library crash or loop.
    change(hostile_store / ATTACKED)
    with running(hostile_store, engine=engine) as server:
        answer = httpx2.get(f"{server.url}/models/{ATTACKED}", timeout=60)
    assert answer.status_code == 200


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_an_unreadable_file_ends_a_real_start(name: str, hostile_store: Path, canary: Canary) -> None:
    (hostile_store / ATTACKED / name).chmod(0)
    said = refused(hostile_store, canary.folder)
    assert f"{ATTACKED}/{name}: cannot be read (Permission denied)" in said.line


@pytest.mark.long
@pytest.mark.parametrize(
    ("attack", "name"), [(pipe, "model.keras"), (link_to_zeros_without_end, "manifest.json")]
)
def test_start_ends_with_the_error(attack: Attack, name: str, hostile_store: Path, canary: Canary) -> None:
    attack(hostile_store / ATTACKED / name, canary)
    assert_cheap(hostile_store, canary)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["table", "keras"])
@pytest.mark.parametrize(("attack", "why"), NAMED)
def test_every_start_ends_with_the_error(
    attack: Attack, why: str, engine: str, hostile_store: Path, canary: Canary
) -> None:
    attack(hostile_store / ATTACKED, canary)
    assert why in assert_cheap(hostile_store, canary, engine)


def assert_cheap(store: Path, canary: Canary, engine: str = "table") -> str:
    refusal = refused(store, canary.folder, engine)
    canary.assert_untouched()
    assert ATTACKED in refusal.line
    assert refusal.cpu_seconds < START_SECONDS
    assert refusal.megabytes < START_MEGABYTES
    return refusal.line


def test_memory_bound_detects_an_allocation() -> None:
    with pytest.raises(AssertionError), bounded():
        assert len(b"x" * 100_000_000)
