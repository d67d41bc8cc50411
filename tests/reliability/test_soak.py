"""The soak test itself for a few seconds; `make soak` runs it for minutes."""

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
    # In the first seconds memory grows with the first requests, which is not a leak.
    short = ("--minutes", "0.15", "--rate", "40", "--reload-seconds", "3", "--growth-mib", str(growth_mib))
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *short],
        cwd=REPOSITORY,
        env={**os.environ, "BENCHMARKS_RESULTS": str(results)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_soak_finds_no_wrong_response_under_mixed_load(tmp_path: Path) -> None:
    done = soak(tmp_path, 64)
    assert done.returncode == 0, done.stderr
    assert "0 faults" in done.stdout
    *kinds, every = json.loads((tmp_path / "soak.json").read_text())["rows"]
    assert all(kind["requests"] for kind in kinds)
    assert every["failed"] == 0
    assert "2 reloads" in done.stdout


def test_soak_fails_if_memory_grows_beyond_the_bound(tmp_path: Path) -> None:
    done = soak(tmp_path, -64)
    assert done.returncode == 1
    assert "more than -64" in done.stderr
