"""The processes of one test: all inherit the environment variable CLUSTER_TEST with a value of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import REPOSITORY

VARIABLE = "CLUSTER_TEST"


def tagged(value: str) -> list[psutil.Process]:
    """Return the running processes whose variable has this value."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(VARIABLE) == value:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return found


def addresses(value: str) -> list[str]:
    """Return the addresses at which these processes listen, and those at both ends of their connections."""
    found: set[str] = set()
    for process in tagged(value):
        try:
            for connection in process.net_connections("tcp"):
                ends = [end for end in (connection.laddr, connection.raddr) if end]
                found.update(end.ip.removeprefix("::ffff:") for end in ends)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return sorted(found)


def scenario(tag: str, name: str, *arguments: str | Path) -> Any:
    """Return what a scenario prints (see `tests.training.cluster.scenarios`)."""
    command = [sys.executable, "-m", "tests.training.cluster.scenarios", name, *map(str, arguments)]
    return outcome(command, {**os.environ, VARIABLE: tag})


def outcome(command: list[str], variables: dict[str, str]) -> Any:
    """Return the JSON in the last line that a program prints; Ray reports deaths of workers before it."""
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=150, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def error_of(command: list[str], variables: dict[str, str]) -> str:
    """Return what a program that fails prints."""
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode
    return (ended.stdout + ended.stderr).strip()
