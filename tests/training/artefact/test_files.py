"""Locks never empty, follow or wait for what is no file; a written file is there whole or as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from training.artefact.files import atomic_write, exclusive_lock


def spoil(place: Path, what: str) -> None:
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
def test_what_is_no_file_is_refused_and_left_alone(tmp_path: Path, what: str, wait: bool) -> None:
    (tmp_path / "precious").write_text("mine")
    spoil(tmp_path / ".lock", what)
    with (
        pytest.raises(OSError, match=r"\.lock is not a regular file"),
        exclusive_lock(tmp_path / ".lock", wait=wait),
    ):
        pass
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "nothing").exists()


def test_a_file_that_is_there_keeps_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("mine")
    with exclusive_lock(tmp_path / ".lock", wait=True):
        pass
    assert (tmp_path / ".lock").read_text() == "mine"


def test_one_at_a_time(tmp_path: Path) -> None:
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
def test_store_and_work_folder_say_so_in_a_line(tmp_path: Path, what: str) -> None:
    (tmp_path / "precious").write_text("mine")
    spoil(tmp_path / ".lock", what)
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


def test_what_was_written_takes_the_place(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with atomic_write(tmp_path / "table.csv") as unfinished:
        unfinished.write_text("new")
        assert unfinished.suffix == ".csv"
        assert (tmp_path / "table.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "new"


def test_two_who_write_at_once_do_not_mix(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "table.csv") as first, atomic_write(tmp_path / "table.csv") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "table.csv").read_text() == "first"


def test_others_may_read_what_they_might_before(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    with atomic_write(tmp_path / "table.csv"):
        pass
    assert (tmp_path / "table.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with pytest.raises(OSError, match="no room"):
        _write_half(tmp_path / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "old"


def _write_half(path: Path) -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_text("ne")
        raise OSError("no room")
