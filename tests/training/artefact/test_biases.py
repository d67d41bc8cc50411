from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.artefact import ArtefactDamaged, open_artefact


def claim_biases(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["fallback"] = {"kind": "biases"}
    path.write_text(json.dumps(manifest))


def test_bias_fallback_of_a_model_without_biases_is_rejected(store: Path) -> None:
    claim_biases(store / "baseline")
    with pytest.raises(ArtefactDamaged, match="the model has no global bias"):
        open_artefact(store / "baseline")


@pytest.mark.parametrize(
    "fallback",
    [
        {"kind": "biases", "global_mean": 3.5},
        {"kind": "guesses"},
        {"kind": "means", "global_mean": 3.5, "user_means": []},
        [],
    ],
)
def test_invalid_fallback_is_rejected(store: Path, fallback: object) -> None:
    path = store / "baseline" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fallback": fallback}))
    with pytest.raises(ArtefactDamaged, match="fallback"):
        open_artefact(store / "baseline")
