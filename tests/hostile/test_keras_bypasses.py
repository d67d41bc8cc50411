"""Every published bypass of Keras's safe loading is refused with one line, without side effects."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import pytest

import training.layers  # noqa: F401 - registers the custom layers
from app.scoring.loading import load_registry
from app.settings import Settings
from tests.hostile.bypasses import (
    BYPASSES,
    Attack,
    lambda_with_code,
)
from tests.hostile.conftest import ATTACKED
from tests.hostile.starting import (
    START_MEGABYTES,
    START_SECONDS,
    Canary,
    assert_plain,
    bounded,
    refused,
)
from training.artefact import ArtefactError

ENGINES = ("table", "keras")
ATTACKS = [
    pytest.param(attack, why, id=f"{number}-{attack.__name__}")
    for number, attacks in BYPASSES.items()
    for attack, why in attacks.items()
]


@pytest.mark.parametrize(("attack", "why"), ATTACKS)
def test_a_published_bypass_is_refused(attack: Attack, why: str, hostile_store: Path, canary: Canary) -> None:
    attack(hostile_store / ATTACKED, canary)
    for engine in ENGINES:
        with bounded(), pytest.raises(ArtefactError) as refusal:
            load_registry(Settings(store=hostile_store, engine=engine))
        canary.assert_untouched()
        assert ATTACKED in str(refusal.value)
        assert re.search(why, str(refusal.value))
        assert_plain(str(refusal.value))


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("attack", "why"), ATTACKS)
def test_every_start_ends_with_the_error(
    attack: Attack, why: str, engine: str, hostile_store: Path, canary: Canary
) -> None:
    start(attack, engine, hostile_store, canary, why)


def start(attack: Attack, engine: str, store: Path, canary: Canary, why: str = "") -> None:
    attack(store / ATTACKED, canary)
    refusal = refused(store, canary.folder, engine)
    canary.assert_untouched()
    assert ATTACKED in refusal.line
    assert re.search(why, refusal.line)
    assert refusal.cpu_seconds < START_SECONDS
    assert refusal.megabytes < START_MEGABYTES


def test_an_attack_would_work_on_a_careless_loader(hostile_store: Path, canary: Canary) -> None:
    lambda_with_code(hostile_store / ATTACKED, canary)
    keras.saving.load_model(hostile_store / ATTACKED / "model.keras", compile=False, safe_mode=False)
    assert canary.file.exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_unchanged_model_is_loaded(engine: str, hostile_store: Path) -> None:
    assert list(load_registry(Settings(store=hostile_store, engine=engine)).models) == [ATTACKED]
