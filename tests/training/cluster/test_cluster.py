"""A cluster gives the numbers of one machine, repeats the blocks of what dies, and accepts no wrong token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.training.cluster.processes import VARIABLE, tagged
from training.cluster.environment import NODES
from training.cluster.runner import connect
from training.errors import ClusterError


def test_nodes_and_drivers_have_the_same_variables() -> None:
    lines = (REPOSITORY / "deploy" / "ray.env").read_text("utf-8").splitlines()
    assert dict(line.split("=") for line in lines if not line.startswith("#")) == NODES


def test_one_line_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in os.environ.items():  # restored at the end
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ClusterError, match="--cluster needs the package 'ray', which is not installed"),
        connect("local"),
    ):
        pass


@pytest.fixture
def tag() -> Iterator[str]:
    """A value of CLUSTER_TEST, which every process of a test inherits; none of them may outlive the test."""
    tag = uuid.uuid4().hex
    yield tag
    deadline = time.monotonic() + 30
    while left := tagged(tag):
        if time.monotonic() > deadline:
            names = [" ".join(process.cmdline()) for process in left]
            for process in left:
                process.kill()
            pytest.fail(f"still running: {names}")
        time.sleep(0.2)


def run_scenario(tag: str, name: str, *arguments: str | Path, **variables: str) -> Any:
    """Return what a scenario prints."""
    command = [sys.executable, "-m", "tests.training.cluster.scenarios", name, *map(str, arguments)]
    environment = {**os.environ, VARIABLE: tag, **variables}
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    if ended.returncode:
        return ended.stderr
    # Ray reports deaths of workers in lines before it.
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.long
def test_local_cluster_gives_the_numbers_of_the_loop_and_survives_a_killed_worker(
    tag: str, tmp_path: Path
) -> None:
    result = run_scenario(tag, "local", tmp_path)
    assert result["difference"] < 1e-5
    assert result["addresses"] == ["127.0.0.1"]
    assert result["killed"] == [0, 1, 2] and (tmp_path / "killed").exists()
    assert result["fail"] == ["LookupError", "no block 7"]
    assert result["kill_always"][0] == "ClusterError"
    assert "did not finish a block in 5 tries" in result["kill_always"][1]
