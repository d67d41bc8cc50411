"""A real server process, seen from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.conftest import REPOSITORY

START_SECONDS = 90


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    process: subprocess.Popen[str]
    url: str


def command(store: Path, **settings: object) -> subprocess.Popen[str]:
    """`python -m app` on `store`, with the settings given and no others."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("RATINGS_", "TF_"))
    }
    environment |= {"HOME": "/nonexistent"}
    environment |= {f"RATINGS_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=REPOSITORY,
        env={**environment, "RATINGS_STORE": str(store)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(store: Path, **settings: object) -> Iterator[Running]:
    """A server on `store`, killed at the end if it still runs."""
    port = free_port()
    process = command(store, port=port, **settings)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url)
        yield Running(process, url)
    finally:
        # Its workers too: they hold the pipes open.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _wait_until_ready(process: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            if httpx2.get(f"{url}/readyz", timeout=30).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server was not ready in time")
