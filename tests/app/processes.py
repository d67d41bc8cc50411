"""Real server processes for tests."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.conftest import REPOSITORY

START_SECONDS = 90


@dataclass(frozen=True)
class Running:
    """A running server."""

    process: subprocess.Popen[str]
    url: str

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def read_until(self, text: str, times: int = 1) -> None:
        """Read its log until `text` has occurred this many times. The lines read are consumed."""
        assert self.process.stdout is not None
        for _ in range(times):
            while text not in (line := self.process.stdout.readline()):
                assert line, f"the log ends without {text!r}"

    def address(self) -> tuple[str, int]:
        """Return its address for a socket."""
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)


def command(
    store: Path | str, program: Sequence[str] = ("app",), /, **settings: object
) -> subprocess.Popen[str]:
    """Start `python -m app` on `store`, or another module with arguments, with only the given settings."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("RATINGS_", "TF_"))
    }
    environment |= {"HOME": "/nonexistent"}
    environment |= {f"RATINGS_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", *program],
        cwd=REPOSITORY,
        env={**environment, "RATINGS_STORE": str(store)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def free_port() -> int:
    """Return a port that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether a process accepts connections on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(store: Path | str, program: Sequence[str] = ("app",), /, **settings: object) -> Iterator[Running]:
    """Run a server on `store`, and kill it at the end if it still runs."""
    port = free_port()
    process = command(store, program, port=port, **settings)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(process, url)
        yield Running(process, url)
    finally:
        # The workers too, because they keep the pipes open.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until_ready(process: subprocess.Popen[str], url: str) -> None:
    """Wait until `/readyz` returns 200."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            if httpx2.get(f"{url}/readyz", timeout=30).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server was not ready in time")
