"""Upgrades of the models in a volume by a new image."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from app.container.seed_store import RECORD, seed


def model(store: Path, name: str, version: str) -> None:
    (store / name).mkdir(parents=True, exist_ok=True)
    (store / name / "manifest.json").write_text(version)
    (store / name / "model.keras").write_text(f"weights {version}")


def versions(store: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in sorted(store.glob("*/manifest.json"))}


def test_an_empty_volume_gets_all_shipped_models(tmp_path: Path) -> None:
    image, volume = tmp_path / "image", tmp_path / "volume"
    volume.mkdir()
    model(image, "compact", "1")
    model(image, "tiny", "1")
    assert seed(image, volume) == ["compact: added", "tiny: added"]
    assert versions(volume) == {"compact": "1", "tiny": "1"}
    assert (volume / "compact" / "model.keras").read_text() == "weights 1"
    assert seed(image, volume) == []


def test_shipped_models_are_replaced_and_trained_ones_kept(tmp_path: Path) -> None:
    first, second, volume = tmp_path / "first", tmp_path / "second", tmp_path / "volume"
    volume.mkdir()
    for name in ("compact", "tiny"):
        model(first, name, "1")
        model(second, name, "2")
    seed(first, volume)
    model(volume, "tiny", "trained")
    model(volume, "mine", "trained")
    assert seed(second, volume) == [
        "compact: replaced by the one of this image",
        "tiny: kept, it was trained here",
    ]
    assert versions(volume) == {"compact": "2", "mine": "trained", "tiny": "trained"}
    assert [path.name for path in volume.iterdir() if path.name.startswith(".")] == [RECORD]


def test_a_volume_of_an_image_without_a_record_is_taken_over(tmp_path: Path) -> None:
    first, second, volume = tmp_path / "first", tmp_path / "second", tmp_path / "volume"
    model(first, "compact", "1")
    model(second, "compact", "2")
    model(volume, "compact", "1")
    assert seed(first, volume) == []
    assert seed(second, volume) == ["compact: replaced by the one of this image"]
    assert "compact" in json.loads((volume / RECORD).read_text())


def test_a_copy_that_was_interrupted_is_made_again(tmp_path: Path) -> None:
    image, volume = tmp_path / "image", tmp_path / "volume"
    model(image, "compact", "1")
    (volume / ".compact.new").mkdir(parents=True)
    (volume / RECORD).write_text("not JSON")
    assert seed(image, volume) == ["compact: added"]
    assert not (volume / ".compact.new").exists()


def test_models_of_images_before_the_record_are_replaced(tmp_path: Path) -> None:
    volume, image = tmp_path / "volume", tmp_path / "image"
    (volume / "tiny").mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "tiny_before_the_record.json", volume / "tiny" / "manifest.json")
    model(image, "tiny", "newer")
    assert seed(image, volume) == ["tiny: replaced by the one of this image"]
