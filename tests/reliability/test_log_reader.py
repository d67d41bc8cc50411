"""The service works and stops even if the reader of its log is blocked."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from app.observability.log_handler import MAX_LINES
from tests.app.processes import Running, command, free_port, running, wait_until_ready
from tests.conftest import REPOSITORY
from tests.reliability.clients import wait_until

pytestmark = pytest.mark.long


def ask(server: Running, times: int) -> None:
    with httpx2.Client(base_url=server.url, timeout=5) as client:
        for _ in range(times):
            assert client.get("/predict?user_id=1&movie_id=1").status_code == 200


def ask_fast(server: Running, times: int) -> None:
    """Send pipelined requests, a hundred at a time, without a client library."""
    request = b"GET /predict?user_id=1&movie_id=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(server.address(), timeout=60) as connection:
        for _ in range(times // 100):
            connection.sendall(100 * request)
            answered = b""
            while answered.count(b"HTTP/1.1 200") < 100 or not answered.endswith(b"}"):
                answered += connection.recv(65_536)


def test_blocked_log_reader_delays_nothing_and_gets_the_number_of_dropped_lines(shared_store: Path) -> None:
    asked = 2 * MAX_LINES // 100 * 100
    with running(shared_store) as server:
        assert server.process.stdout is not None
        fcntl.fcntl(server.process.stdout.fileno(), fcntl.F_SETPIPE_SZ, 8192)
        ask_fast(server, asked)
        # Now read the lines in pipe and queue, then the number of dropped lines.
        kept = 0
        while " WARNING app.observability.log_handler " not in (line := server.process.stdout.readline()):
            kept += "GET /predict 200" in line
        assert MAX_LINES < kept < asked
        assert f"dropped {asked - kept} lines of the log" in line
        ask(server, 1)
        server.read_until("GET /predict 200")
        ask_fast(server, 200)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=5)
        assert server.process.returncode == 0


def test_two_workers_with_a_blocked_log_reader_stop_on_sigterm(shared_store: Path) -> None:
    with running(shared_store, workers=2) as server:
        assert server.process.stdout is not None
        fcntl.fcntl(server.process.stdout.fileno(), fcntl.F_SETPIPE_SZ, 8192)
        ask(server, 100)
        ask(server, 100)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=8)
        assert server.process.returncode == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full"])
@pytest.mark.parametrize("workers", [1, 2])
def test_service_runs_with_closed_or_full_streams(
    shared_store: Path, tmp_path: Path, closed: str, workers: int
) -> None:
    port = free_port()
    settings = {"STORE": shared_store, "PORT": port, "WORKERS": workers}
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$0" -m app {closed}', sys.executable],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "TMPDIR": str(tmp_path),
            **{f"RATINGS_{name}": str(value) for name, value in settings.items()},
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        server = Running(process, f"http://127.0.0.1:{port}")
        wait_until_ready(process, server.url)
        ask(server, 5)
        if workers > 1:
            wait_until(lambda: len(server.workers()) == 2)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors == ""
    assert not list(tmp_path.iterdir())


def test_failed_start_with_closed_streams_has_an_exit_code(tmp_path: Path) -> None:
    process = command(tmp_path / "nothing", port=0)
    assert process.wait(timeout=30) == 1
    process.communicate()
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m app >&- 2>&-', sys.executable],
        cwd=REPOSITORY,
        env={**os.environ, "RATINGS_STORE": str(tmp_path / "nothing"), "RATINGS_PORT": "0"},
        timeout=30,
    )
    assert done.returncode == 1
