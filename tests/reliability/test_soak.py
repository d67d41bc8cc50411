"""The soak itself, for seconds: real server, mixed load, exchanged models; `make soak` is the long form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.long


def soak(results: Path, growth_mib: int) -> subprocess.CompletedProcess[str]:
    # Within seconds memory is that of the first requests, not what is left behind.
    short = ("--minutes", "0.15", "--rate", "40", "--reload-seconds", "3", "--growth-mib", str(growth_mib))
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *short],
        cwd=REPOSITORY,
        env={**os.environ, "BENCHMARKS_RESULTS": str(results)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_under_mixed_load_no_answer_is_wrong(tmp_path: Path) -> None:
    done = soak(tmp_path, 64)
    assert done.returncode == 0, done.stderr
    assert "0 faults" in done.stdout
    *kinds, every = json.loads((tmp_path / "soak.json").read_text())["rows"]
    assert all(kind["requests"] for kind in kinds)
    assert every["failed"] == 0
    assert "2 reloads" in done.stdout


def test_what_grows_is_told(tmp_path: Path) -> None:
    done = soak(tmp_path, -64)
    assert done.returncode == 1
    assert "more than -64" in done.stderr
