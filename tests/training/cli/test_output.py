"""Commands whose standard output cannot be written or encoded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

FULL = Path("/dev/full")
COMMANDS = [["--help"], ["inspect", "models_store/tiny"], ["split"], ["fit", "baseline", "--epochs", "1"]]


def run(arguments: list[str], output: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    with output.open("w") as stdout:
        return subprocess.run(
            [sys.executable, "-m", "training", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_full_disk_is_reported_in_one_line(tmp_path: Path, arguments: list[str]) -> None:
    store = ["--store", str(tmp_path / "store")] if arguments[0] == "fit" else []
    done = run([*arguments, *store], FULL)
    assert done.stderr == "error: standard output cannot be written (No space left on device)\n"
    assert done.returncode == 1
    assert not (tmp_path / "store").exists()


def test_unencodable_characters_are_replaced(tmp_path: Path) -> None:
    done = run(["split", "--help"], tmp_path / "output", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Choose the rows" in (tmp_path / "output").read_text("ascii")
