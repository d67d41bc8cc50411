"""Edit the files of a model as an attacker with write access would: digests and sizes match the content."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def rewrite_members(folder: Path, change: Callable[[dict[str, bytes]], Any], **options: Any) -> None:
    """Change members of the archive, and update its digest, so that only the content is wrong."""
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    state_digest(folder)


def state_digest(folder: Path, file: str = "model.keras", field: str = "model_file") -> None:
    data = (folder / file).read_bytes()
    record = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    # A record may say more than that.
    rewrite_manifest(folder, lambda manifest: manifest[field].update(record))


def rewrite_config(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    def apply(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()

    rewrite_members(folder, apply)


def rewrite_weights(folder: Path, change: Callable[[h5py.File], Any]) -> None:
    def apply(members: dict[str, bytes]) -> None:
        buffer = io.BytesIO(members["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            change(file)
        members["model.weights.h5"] = buffer.getvalue()

    rewrite_members(folder, apply)
