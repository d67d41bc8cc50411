"""Nodes of a cluster, each started by `ray start` as docs/cluster.md says."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.conftest import REPOSITORY
from tests.training.cluster.factors import wait_until
from tests.training.cluster.processes import VARIABLE
from training.cluster.environment import NODES

# What the program `ray` runs, whose script would have the path of the interpreter that installed it.
RAY = (sys.executable, "-m", "ray.scripts.scripts")
# Only for a cluster on the loopback address, which Ray would replace by another one of this machine.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def new_token() -> str:
    return secrets.token_hex(32)


def environment(tag: str, token: str, **more: str) -> dict[str, str]:
    """Return the variables of a node or a driver."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**own, **NODES, VARIABLE: tag, "RAY_AUTH_TOKEN": token, "PYTHONPATH": str(REPOSITORY), **more}


def start_command(place: str, *, join: str | None = None, folder: Path) -> list[str]:
    """Return the command that starts a node at the address `place`, either the head or one that joins it."""
    role = [f"--address={join}"] if join else ["--head", "--port=6379", "--include-dashboard=false"]
    return [
        *(*RAY, "start", *role, f"--node-ip-address={place}", "--block", f"--temp-dir={folder}"),
        *("--num-cpus=1", f"--object-store-memory={100 * 2**20}", "--disable-usage-stats"),
        *("--min-worker-port=0", "--max-worker-port=0"),
    ]


@contextmanager
def node(command: Sequence[str], variables: dict[str, str], log: Path) -> Iterator[None]:
    """Run a node until the end of the context.

    Raises:
        TimeoutError: It does not start within a minute.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=output, cwd=REPOSITORY)
    try:
        wait_until(lambda: b"Ray runtime started" in log.read_bytes() or process.poll() is not None)
        assert process.poll() is None, log.read_text("utf-8")
        yield
    finally:
        if process.poll() is None:
            # A node whose head is out of reach does not end by itself.
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            _, alive = psutil.wait_procs(family, timeout=8)
            for one in alive:
                one.kill()
            process.wait()
