"""Means of cold ids in a file, which an artefact with many ids has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.artefact import ArtefactDamaged, ArtefactMissing, open_artefact
from training.artefact.reader import is_unchanged
from training.artefact.writer import file_record, publish

VERSION_5 = Path(__file__).parent / "formats" / "version-5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(VERSION_5, tmp_path / "baseline"))


def republished(folder: Path, store: Path, means_in_manifest: int) -> Path:
    old = open_artefact(folder)
    fields = {name: value for name, value in dict(old.manifest).items() if name != "fallback"}
    model = (folder / "model.keras").read_bytes()

    def save(path: Path) -> None:
        path.write_bytes(model)

    publish(
        store,
        fields,
        save,
        {},
        fallback=old.fallback,
        means_in_manifest=means_in_manifest,
    )
    return store / "baseline"


def rewrite(folder: Path, means: bytes) -> None:
    """Replace the means, with their digest."""
    (folder / "means.bin").write_bytes(means)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["fallback"] |= file_record(folder / "means.bin").model_dump()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_means_are_the_same_in_the_manifest_and_in_a_file(folder: Path, tmp_path: Path) -> None:
    warm = sum(len(means) for means in vars(open_artefact(folder).fallback).values() if np.ndim(means))
    listed = republished(folder, tmp_path / "listed", warm)
    in_file = republished(folder, tmp_path / "in_file", warm - 1)
    assert open_artefact(listed).manifest.means_file is None
    assert open_artefact(in_file).manifest.means_file is not None
    assert not (listed / "means.bin").exists()
    wanted, found = open_artefact(listed).fallback, open_artefact(in_file).fallback
    for users, movies in ([0, 5, -1, -1], [-1, 3, 3, -1]), ([2], [-1]):
        pair = np.array(users, np.int32), np.array(movies, np.int32)
        np.testing.assert_array_equal(found.rate(*pair), wanted.rate(*pair))


@pytest.mark.parametrize(
    "change",
    [lambda means: means[:-4], lambda means: means + means[:4], lambda means: b"\0\0\xc0\x7f" + means[4:],
     lambda means: b"\0\0\xc0\x40" + means[4:], lambda _: b""],
    ids=["too few", "too many", "not a number", "six stars", "none"],
)  # fmt: skip
def test_means_that_do_not_fit_are_refused(folder: Path, change: Callable[[bytes], bytes]) -> None:
    rewrite(folder, change((folder / "means.bin").read_bytes()))
    with pytest.raises(
        ArtefactDamaged, match=r"means\.bin.*(one mean for each warm id|off the rating scale)"
    ):
        open_artefact(folder)


def test_changed_or_missing_means_are_noticed(folder: Path) -> None:
    manifest = open_artefact(folder).manifest
    assert is_unchanged(folder, manifest)
    means = bytearray((folder / "means.bin").read_bytes())
    means[0] ^= 1
    (folder / "means.bin").write_bytes(means)
    with pytest.raises(ArtefactDamaged, match="not the file that its manifest states"):
        open_artefact(folder)
    (folder / "means.bin").unlink()
    with pytest.raises(ArtefactMissing, match=r"means\.bin"):
        open_artefact(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(format_version=4),
        lambda manifest: manifest.update(format_version=5, accuracy={**manifest["accuracy"], "parts": None}),
        lambda manifest: manifest["fallback"].update(global_mean=7.0),
    ],
)
def test_manifest_must_not_state_what_its_version_lacks(
    folder: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactDamaged, match=r"go together|belongs to|off the rating scale"):
        open_artefact(folder)
