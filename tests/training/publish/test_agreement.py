"""A model is not published if the table engine and the Keras model predict different ratings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.artefact import ArtefactForeign, open_artefact
from training.artefact.writer import publish
from training.models.loading import load_indexed_keras_model
from training.publish.agreement import LARGEST_DIFFERENCE, check_agreement

MODELS = ["baseline", "memory_efficient"]
Rate = Callable[[list[Any]], Any]


def altered(indexed: Rate, user: int, movie: int, by: float) -> Rate:
    """Return `indexed` with another rating for one pair."""

    def rate(places: list[Any]) -> Any:
        rated = np.array(indexed(places))
        rated[(places[0] == user) & (places[1] == movie)] += by
        return rated

    return rate


@pytest.mark.parametrize("name", MODELS)
def test_check_passes_for_the_saved_model(shared_store: Path, name: str) -> None:
    artefact = open_artefact(shared_store / name)
    indexed = load_indexed_keras_model(artefact)
    check_agreement(artefact, indexed)
    check_agreement(artefact, altered(indexed, 0, 0, LARGEST_DIFFERENCE / 5))


@pytest.mark.parametrize("by", [3 * LARGEST_DIFFERENCE, -3 * LARGEST_DIFFERENCE, np.nan])
@pytest.mark.parametrize("first", [(True, True), (True, False), (False, True), (False, False)])
def test_check_rejects_a_difference_at_any_corner(
    shared_store: Path, first: tuple[bool, bool], by: float
) -> None:
    artefact = open_artefact(shared_store / "baseline")
    corner = [
        0 if is_first else len(ids) - 1
        for is_first, ids in zip(first, (artefact.users, artefact.movies), strict=True)
    ]
    wrong = altered(load_indexed_keras_model(artefact), corner[0], corner[1], by)
    with pytest.raises(ArtefactForeign, match="predict different ratings"):
        check_agreement(artefact, wrong)


def test_check_covers_every_row_of_small_tables(shared_store: Path) -> None:
    artefact = open_artefact(shared_store / "baseline")
    seen: list[set[int]] = [set(), set()]
    indexed = load_indexed_keras_model(artefact)

    def watched(places: list[Any]) -> Any:
        for rows, place in zip(seen, places, strict=True):
            rows.update(place.tolist())
        return indexed(places)

    check_agreement(artefact, watched)
    assert [len(rows) for rows in seen] == [len(artefact.users), len(artefact.movies)]


def test_publishing_a_differing_model_leaves_the_store_unchanged(store: Path) -> None:
    old = open_artefact(store / "baseline")
    files = {path: path.read_bytes() for path in store.rglob("*.*") if path.is_file()}
    model = (store / "baseline" / "model.keras").read_bytes()
    wrong = altered(load_indexed_keras_model(old), 0, 0, 0.01)

    def save(path: Path) -> None:
        path.write_bytes(model)

    def publish_as(indexed: Rate) -> None:
        about = {**dict(old.manifest), "description": "changed"}
        publish(store, about, save, {}, None, lambda artefact: check_agreement(artefact, indexed))

    with pytest.raises(ArtefactForeign, match=r"by 0\.01"):
        publish_as(wrong)
    assert {path: path.read_bytes() for path in store.rglob("*.*") if path.is_file()} == files
    publish_as(load_indexed_keras_model(old))
    assert open_artefact(store / "baseline").manifest.description == "changed"
