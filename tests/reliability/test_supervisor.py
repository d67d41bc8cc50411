"""Several workers under a light supervisor: none of them dies alone, and none outlives the others."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
import pytest

from app.observability.metrics.worker_files import ALIVE_SECONDS
from tests.app.processes import command, free_port, running
from tests.conftest import REPOSITORY
from tests.figures import tell
from tests.reliability.clients import Asked, asking, wait_until
from tests.reliability.sockets import read_until

pytestmark = pytest.mark.long

PAIR = {"user_id": 1, "movie_id": 1}
CODE = """
import sys, app.supervisor
names = {name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"__main__"}
print(sorted(name for name in names if not name.startswith("_")))
"""


def lives(pid: int) -> bool:
    """Whether a process is there; a dead one that nobody has looked after is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_it_imports_the_standard_library_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['app']"


def test_a_killed_worker_takes_only_its_own_requests_along(shared_store: Path) -> None:
    with running(shared_store, workers=2, log_level="warning") as server:
        wait_until(lambda: len(server.workers()) == 2)
        with asking(server.url, "/predict", PAIR, clients=4) as asked:
            wait_until(lambda: len(asked.answers) > 50)
            before = server.workers()
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: len(server.workers()) == 2 and before[0] not in server.workers())
            count = len(asked.answers)
            wait_until(lambda: len(asked.answers) > count + 100)
        # Each client has one request on its way.
        assert len(asked.lost) <= 4
        assert {answer.status_code for answer in asked.answers} == {200}
        assert before[1] in server.workers()
        server.process.terminate()
        output, _ = server.process.communicate(timeout=10)
    assert f"worker {before[0]} ended (signal 9)" in output
    assert server.process.returncode == 0


def all_are_ready(url: str) -> bool:
    return "stars_ready_workers 2.0\n" in httpx2.get(f"{url}/metrics").text


def has_answers(asked: Asked, count: int) -> bool:
    return len(asked.answers) > count


def test_workers_killed_again_and_again_take_only_their_own_requests_along(shared_store: Path) -> None:
    kills, clients, gaps = 6, 4, []
    with running(shared_store, workers=2, log_level="warning") as server:
        with asking(server.url, "/predict", PAIR, clients=clients) as asked:
            for number in range(kills):
                # A worker that does not live long is not replaced at once. After some seconds, metrics
                # count no dead one.
                time.sleep(ALIVE_SECONDS if number else 0)
                wait_until(lambda: all_are_ready(server.url), seconds=60)
                more, lost = len(asked.answers) + 100, len(asked.lost)
                start = time.monotonic()
                os.kill(server.workers()[number % 2], signal.SIGKILL)
                wait_until(partial(has_answers, asked, more))
                gaps.append(time.monotonic() - start)
                assert len(asked.lost) - lost <= clients
        assert {answer.status_code for answer in asked.answers} == {200}
        server.process.terminate()
        output, _ = server.process.communicate(timeout=10)
    assert output.count("ended (signal 9)") == kills
    assert server.process.returncode == 0
    tell(
        "workers killed by SIGKILL",
        kills=kills,
        requests=f"{len(asked.answers):,}",
        lost=f"{len(asked.lost)} of at most {kills * clients}",
        longest_until_100_more_answers=f"{max(gaps):.2f} s",
    )


def test_workers_of_a_killed_supervisor_finish_and_leave(shared_store: Path) -> None:
    with running(shared_store, workers=2) as server:
        wait_until(lambda: len(server.workers()) == 2)
        workers = server.workers()
        server.process.kill()
        start = time.monotonic()
        wait_until(lambda: not any(lives(pid) for pid in workers), seconds=10)
        assert time.monotonic() - start < 5
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{server.url}/healthz")


def test_all_workers_finish_what_they_began_before_they_stop(shared_store: Path) -> None:
    count = 20_000
    batch = json.dumps({"user_ids": [1] * count, "movie_ids": [2] * count}).encode()
    head = (
        "POST /predict/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(batch)}\r\n\r\n"
    )
    with running(shared_store, workers=2) as server, ExitStack() as stack:
        server.read_until(f"ready on {server.url}")
        server.read_until("is ready")
        idle, *busy = [
            stack.enter_context(socket.create_connection(server.address(), timeout=10)) for _ in range(5)
        ]
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(idle, b'"ok"}')
        for one in busy:
            one.sendall(head.encode())
            # It is in flight: somebody waits for its body.
            read_until(one, b"100 Continue\r\n\r\n")
        server.process.terminate()
        # What idles is closed at once, and not when its time is up.
        assert idle.recv(10_000) == b""
        for one in busy:
            one.sendall(batch)
        for one in busy:
            answer = read_until(one)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["ratings"]) == count
        output, errors = server.process.communicate(timeout=10)
    assert server.process.returncode == 0
    assert errors == ""
    assert "ready on" not in output


def test_what_only_a_worker_finds_out_is_one_line_all_the_same(
    shared_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The supervising process never runs the engine, so only workers see that it cannot run.
    monkeypatch.setenv("KERAS_BACKEND", "nope")
    process = command(shared_store, port=free_port(), workers=3, engine="keras")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("cannot start: ") and errors.count("\n") == 1
    assert "keras" in errors
    assert "ready" not in output


def test_a_stop_while_workers_start_is_heeded(shared_store: Path) -> None:
    process = command(shared_store, port=free_port(), workers=2)
    assert process.stdout is not None
    while "starting 2 workers" not in process.stdout.readline():
        pass
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0
