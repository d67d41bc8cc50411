"""Families by name, and the validation of stored lookups."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from pydantic import ValidationError

from tests.training.families.shared_tail import SharedTail
from training.errors import SettingsError
from training.families import FullTable
from training.families.family import register
from training.families.table import UnknownForm
from training.layers import LookupEmbedding
from training.settings import ModelSettings

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def stored(**changes: Any) -> dict[str, Any]:
    settings = SharedTail(own_rows=3)
    return {**settings.layer_config(9, 3), **changes}


def test_settings_name_their_family() -> None:
    sides = {"users": {"family": "shared_tail", "own_rows": 2}, "movies": {"family": "full"}}
    settings = ModelSettings.model_validate({"name": "model", "description": "", **sides})
    assert (settings.users, settings.movies) == (SharedTail(own_rows=2), FullTable())
    assert ModelSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("side", "message"),
    [
        ({"family": "nothing"}, "there is no family 'nothing'; there are full, "),
        ({}, "there is no family 'None'"),
        ({"family": "full", "own_rows": 2}, "Extra inputs are not permitted"),
        ("full", "should be a valid dictionary or instance of Family"),
    ],
)
def test_invalid_settings_are_rejected(side: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings.model_validate({"name": "model", "description": "", "users": side})


def test_duplicate_family_name_is_rejected() -> None:
    class Other(FullTable):
        family: Literal["full"] = "full"

    with pytest.raises(ValueError, match="there is a family 'full' already"):
        register(Other)
    assert register(FullTable) is FullTable


def test_rows_and_products_match_hand_computed_values() -> None:
    table = SharedTail.read(stored(), {"rows/0": ROWS})
    assert table.rows(np.array([0, 2, 3, 8])).tolist() == ROWS[[0, 2, 3, 3]].tolist()
    assert table.row(8).tolist() == ROWS[3].tolist()
    assert table.products(np.array([1, 0, 2], np.float32)).tolist() == [4, 13, 22, *[31] * 6]
    assert (table.count, table.dim, table.nbytes) == (9, 3, 48)


@pytest.mark.parametrize(
    ("config", "arrays"),
    [
        (stored(embedding_dim=4), {"rows/0": ROWS}),
        (stored(settings={"family": "shared_tail", "own_rows": 2}), {"rows/0": ROWS}),
        (stored(settings={"family": "full"}), {"rows/0": ROWS}),
        (stored(), {"rows/0": ROWS.astype(np.float16)}),
        (stored(), {"rows/0": ROWS, "1": ROWS}),
        (stored(), {}),
    ],
    ids=["dim", "rows", "family", "precision", "more", "none"],
)
def test_inconsistent_arrays_are_rejected(config: dict[str, Any], arrays: dict[str, Any]) -> None:
    with pytest.raises(UnknownForm):
        SharedTail.read(config, arrays)


def test_layer_of_an_unknown_family_is_rejected() -> None:
    with pytest.raises(SettingsError, match="there is no family 'nothing'"):
        LookupEmbedding(9, 3, {"family": "nothing"})
