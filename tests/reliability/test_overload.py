"""Overload: excess requests are refused immediately, and health checks are answered."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.contract.errors import Overloaded
from app.contract.problems import problem
from app.http.load_shedding import TURN_SECONDS, LoadShedding
from app.observability.metrics.counters import Counters
from tests.app.processes import running
from tests.conftest import REPOSITORY
from tests.figures import report
from tests.reliability.sockets import read_until

JSON = {"content-type": "application/json"}
COUNT = 100_000
LARGE = json.dumps({"user_ids": [1] * COUNT, "movie_ids": [2] * COUNT}).encode()
PAIR = {"user_id": 1, "movie_id": 2}


FILES = """
import resource
from app.contract.errors import BadSetting
from app.server import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 400))
raise_file_limit(100)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
try:
    raise_file_limit(1000)
except BadSetting as error:
    print(error)
"""
SENDERS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
import httpx2

url, count = sys.argv[1], int(sys.argv[2])
body = json.dumps({"user_ids": [1] * count, "movie_ids": [2] * count}).encode()

def send(_):
    headers = {"content-type": "application/json"}
    answer = httpx2.post(f"{url}/predict/batch", content=body, headers=headers, timeout=60)
    said = answer.json()
    return {
        "status": answer.status_code,
        "code": said.get("code"),
        "retry_after": answer.headers.get("retry-after"),
        "ratings": len(said.get("ratings", ())),
    }

with ThreadPoolExecutor(12) as senders:
    print(json.dumps(list(senders.map(send, range(24)))))
"""
HALVES = (b"", b"GET /he", b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")


def is_ended(connection: socket.socket) -> bool:
    """Return whether the server has closed the connection."""
    try:
        while connection.recv(1 << 16):
            pass  # an answer
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.long
def test_large_requests_beyond_the_limit_are_refused(shared_store: Path) -> None:
    with running(shared_store, max_large_requests=2, log_level="warning") as server:
        command = [sys.executable, "-c", SENDERS, server.url, str(COUNT)]
        waits: list[float] = []
        # In a separate process, so that the clients do not delay this test.
        with (
            httpx2.Client(base_url=server.url) as client,
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as senders,
        ):
            while senders.poll() is None:
                for path in ("/healthz", "/readyz"):
                    start = time.perf_counter()
                    assert client.get(path).status_code == 200
                    waits.append(time.perf_counter() - start)
                # One pair is not a large request.
                assert client.post("/predict", json=PAIR).status_code == 200
            assert senders.stdout is not None
            answers = json.load(senders.stdout)
        turned_away = [answer for answer in answers if answer["status"] != 200]
        assert 0 < len(turned_away) < len(answers) == 24
        for answer in turned_away:
            assert (answer["status"], answer["code"]) == (503, "overloaded")
            assert int(answer["retry_after"]) > 0
        assert {answer["ratings"] for answer in answers if answer["status"] == 200} == {COUNT}
        health = sorted(waits)[len(waits) * 9 // 10]
        assert health < 0.2
        report(
            "overload",
            large_requests=24,
            turned_away=len(turned_away),
            health_p90=f"{1000 * health:.0f} ms",
        )
        # The load has ended.
        assert httpx2.post(f"{server.url}/predict/batch", content=LARGE, headers=JSON).status_code == 200
        shed = [line for line in httpx2.get(f"{server.url}/metrics").text.splitlines() if "shed" in line]
        assert f"stars_shed_requests_total {len(turned_away)}.0" in shed


@pytest.mark.long
def test_half_open_connections_do_not_block_other_clients(shared_store: Path) -> None:
    with running(shared_store, max_connections=20, log_level="warning") as server, ExitStack() as stack:
        steady = stack.enter_context(httpx2.Client(base_url=server.url))
        assert steady.get("/healthz").status_code == 200
        half_open = []
        for number in range(300):
            one = stack.enter_context(socket.create_connection(server.address(), timeout=5))
            one.sendall(HALVES[number % len(HALVES)])
            half_open.append(one)
            if number % 50 == 0:
                assert httpx2.post(f"{server.url}/predict", json=PAIR).status_code == 200
                # A connection with a complete request outlives those without.
                assert steady.get("/healthz", headers={"x-request-id": str(number)}).status_code == 200
        files = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
        assert files < 60
        # The oldest connections were closed, the newest are open.
        assert all(is_ended(one) for one in half_open[:250])
        half_open[-3].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_until(half_open[-3], b'"ok"}').startswith(b"HTTP/1.1 200 ")


def test_open_file_limit_is_raised_or_the_start_fails() -> None:
    done = subprocess.run([sys.executable, "-c", FILES], cwd=REPOSITORY, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert first == "300"
    assert second.startswith("RATINGS_MAX_CONNECTIONS: 1000 ") and "400" in second


class Gate:
    """An application that waits until the test opens it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.entered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        self.entered += 1
        await self.open.wait()
        await Response("done")(scope, receive, send)


async def ask(
    app: Any, path: str = "/x", body: Callable[[], Any] | None = None, headers: dict[str, str] | None = None
) -> int:
    """Return the status of the response of `app`; the body of the request arrives after `body`."""
    statuses = []

    async def receive() -> Message:
        if body is not None:
            await body()
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw}
    await app(scope, receive, send)
    (status,) = statuses
    return int(status)


def test_request_beyond_the_limit_is_refused_immediately() -> None:
    async def scenario() -> None:
        gate, counters = Gate(), Counters()
        capacity = LoadShedding(gate, 2, 1, counters)
        working = [asyncio.create_task(ask(capacity)) for _ in range(2)]
        await asyncio.sleep(0.01)
        assert gate.entered == 2
        assert await ask(capacity) == 503
        assert counters.shed == 1
        health = asyncio.create_task(ask(capacity, "/healthz"))
        await asyncio.sleep(0.01)
        assert gate.entered == 3
        gate.open.set()
        assert [await one for one in [*working, health]] == [200, 200, 200]
        assert await ask(capacity) == 200

    asyncio.run(scenario())


def test_request_waiting_for_its_body_does_not_count() -> None:
    async def scenario() -> None:
        gate, sent = Gate(), asyncio.Event()
        capacity = LoadShedding(gate, 1, 1, Counters())
        slow = asyncio.create_task(ask(capacity, body=sent.wait))
        await asyncio.sleep(0.01)
        gate.open.set()
        assert await ask(capacity) == 200
        sent.set()
        assert await slow == 200

    asyncio.run(scenario())


def test_request_whose_body_ends_while_others_use_the_limit_is_refused() -> None:
    async def scenario() -> None:
        gate, sent, counters = Gate(), asyncio.Event(), Counters()
        handled = ExceptionMiddleware(gate, handlers={Overloaded: lambda _, error: problem(error)})
        capacity = LoadShedding(handled, 2, 9, counters)
        slow = [asyncio.create_task(ask(capacity, body=sent.wait)) for _ in range(5)]
        await asyncio.sleep(0.01)
        sent.set()
        await asyncio.sleep(0.01)
        assert gate.entered == 2
        gate.open.set()
        assert sorted([await one for one in slow]) == [200, 200, 503, 503, 503]
        assert counters.shed == 3

    asyncio.run(scenario())


@pytest.mark.parametrize("headers", [{"content_length": "16385"}, {"transfer_encoding": "chunked"}])
def test_large_request_counts_from_its_head(headers: dict[str, str]) -> None:
    async def scenario() -> None:
        gate, sent = Gate(), asyncio.Event()
        capacity = LoadShedding(gate, 9, 1, Counters())
        slow = asyncio.create_task(ask(capacity, body=sent.wait, headers=headers))
        await asyncio.sleep(0.01)
        assert await ask(capacity, headers=headers) == 503
        gate.open.set()
        assert await ask(capacity, headers={"content_length": "16384"}) == 200
        sent.set()
        assert await slow == 200
        assert await ask(capacity, headers=headers) == 200

    asyncio.run(scenario())


@pytest.mark.long
def test_many_small_requests_leave_the_event_loop_time_for_others() -> None:
    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        time.sleep(TURN_SECONDS / 4)
        await Response("done")(scope, receive, send)

    async def scenario() -> float:
        capacity = LoadShedding(busy, 1000, 1, Counters())
        many = [asyncio.create_task(ask(capacity)) for _ in range(60)]
        longest, before = 0.0, time.perf_counter()
        while not all(one.done() for one in many):
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now
        assert {one.result() for one in many} == {200}
        return longest

    # All 60 in a row would take 15 turns.
    assert asyncio.run(scenario()) < 8 * TURN_SECONDS
