from __future__ import annotations

import errno
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from training.artefact import ArtefactError, open_artefact
from training.artefact.manifest import Manifest
from training.artefact.writer import make_store, manifest_text, publish


def tree(store: Path) -> dict[str, bytes]:
    files = [path for path in store.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(store)): path.read_bytes() for path in files}


def republish(store: Path, save: Callable[[Path], Any], description: str = "changed") -> None:
    old = open_artefact(store / "baseline").manifest
    publish(store, {**dict(old), "description": description}, save, {})


def test_publishing_replaces_the_whole_folder(store: Path) -> None:
    bytes_before = (store / "baseline" / "model.keras").read_bytes()
    republish(store, lambda path: path.write_bytes(bytes_before))
    assert open_artefact(store / "baseline").manifest.description == "changed"
    assert sorted(path.name for path in (store / "baseline").iterdir()) == ["manifest.json", "model.keras"]
    assert [path.name for path in store.iterdir() if path.name.startswith(".unf")] == []


def test_failed_save_leaves_the_store_unchanged(store: Path) -> None:
    before = tree(store)

    def disk_full(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ArtefactError, match=r"store is as before.*No space left"):
        republish(store, disk_full)
    assert tree(store) == before


def test_a_model_that_does_not_read_back_is_not_published(store: Path) -> None:
    before = tree(store)
    with pytest.raises(ArtefactError):
        republish(store, lambda path: path.write_bytes(b"not a model"))
    assert tree(store) == before


def test_interrupted_save_leaves_the_store_unchanged(store: Path) -> None:
    before = tree(store)

    def interrupt(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        republish(store, interrupt)
    assert tree(store) == before


def test_next_run_cleans_up_after_a_killed_save(store: Path) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        from tests.training.artefact.test_writer import republish
        def die(path):
            path.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        republish(Path({str(store)!r}), die)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=REPOSITORY, check=False)
    assert done.returncode == -9
    assert len(list(store.glob(".unfinished-*"))) == 1
    whole = (store / "baseline" / "model.keras").read_bytes()
    assert open_artefact(store / "baseline").manifest.description != "changed"
    republish(store, lambda path: path.write_bytes(whole))
    assert list(store.glob(".unfinished-*")) == []
    assert open_artefact(store / "baseline").manifest.description == "changed"


def test_file_at_the_path_of_a_model_is_not_replaced(store: Path) -> None:
    place = store / "mine"
    place.write_text("precious")
    for use in (
        lambda: make_store(store, ["baseline", "mine"]),
        lambda: publish(store, {"name": "mine"}, lambda _: pytest.fail("saved"), {}),
    ):
        with pytest.raises(ArtefactError, match=r"mine: is not a folder, so it is not replaced"):
            use()
    assert place.read_text() == "precious"
    make_store(store, ["baseline", "new"])


def test_manifest_text_is_the_manifest(store: Path) -> None:
    manifest = open_artefact(store / "baseline").manifest
    assert Manifest.model_validate_json(manifest_text(manifest)) == manifest
    assert json.loads(manifest_text(manifest))["name"] == "baseline"
