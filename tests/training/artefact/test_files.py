"""Locks accept only regular files and keep their content; files are replaced atomically."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from training.artefact.files import atomic_write, exclusive_lock


def put_special_file(place: Path, what: str) -> None:
    if what == "link":
        place.symlink_to(place.parent / "precious")
    elif what == "link to nothing":
        place.symlink_to(place.parent / "nothing")
    elif what == "pipe":
        os.mkfifo(place)
    elif what == "device":
        place.symlink_to("/dev/full")
    else:
        place.mkdir()


KINDS = ["link", "link to nothing", "pipe", "device", "folder"]


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("what", KINDS)
def test_lock_rejects_anything_but_a_regular_file(tmp_path: Path, what: str, wait: bool) -> None:
    (tmp_path / "precious").write_text("mine")
    put_special_file(tmp_path / ".lock", what)
    with (
        pytest.raises(OSError, match=r"\.lock is not a regular file"),
        exclusive_lock(tmp_path / ".lock", wait=wait),
    ):
        pass
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "nothing").exists()


def test_lock_keeps_the_content_of_an_existing_file(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("mine")
    with exclusive_lock(tmp_path / ".lock", wait=True):
        pass
    assert (tmp_path / ".lock").read_text() == "mine"


def test_lock_is_exclusive(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with exclusive_lock(tmp_path / ".lock", wait=True):
            entered.set()

    with exclusive_lock(tmp_path / ".lock", wait=False):
        with pytest.raises(BlockingIOError), exclusive_lock(tmp_path / ".lock", wait=False):
            pass
        other = threading.Thread(target=enter)
        other.start()
        assert not entered.wait(0.1)
    other.join(60)
    assert entered.is_set()


CODE = """
import sys
from pathlib import Path
from training.artefact.writer import make_store
from training.distillation.base.work_folder import open_work_folder
from training.errors import TrainingError
for use in (make_store, lambda path: open_work_folder(path).__enter__()):
    try:
        use(Path(sys.argv[1]))
    except TrainingError as error:
        print(error)
"""


@pytest.mark.parametrize("what", KINDS)
def test_store_and_work_folder_report_an_unusable_lock_in_one_line(tmp_path: Path, what: str) -> None:
    (tmp_path / "precious").write_text("mine")
    put_special_file(tmp_path / ".lock", what)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(".lock is not a regular file" in line and str(tmp_path) in line for line in lines)
    assert (tmp_path / "precious").read_text() == "mine"


def test_atomic_write_replaces_the_file(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with atomic_write(tmp_path / "table.csv") as unfinished:
        unfinished.write_text("new")
        assert unfinished.suffix == ".csv"
        assert (tmp_path / "table.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "new"


def test_concurrent_atomic_writes_do_not_mix(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "table.csv") as first, atomic_write(tmp_path / "table.csv") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "table.csv").read_text() == "first"


def test_atomic_write_uses_default_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    with atomic_write(tmp_path / "table.csv"):
        pass
    assert (tmp_path / "table.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_failed_atomic_write_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with pytest.raises(OSError, match="no room"):
        _write_half(tmp_path / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "old"


def _write_half(path: Path) -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_text("ne")
        raise OSError("no room")
