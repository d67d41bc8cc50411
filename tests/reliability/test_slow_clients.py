"""Slow clients are disconnected after a timeout, and do not delay other clients."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.app.processes import Running, running
from tests.conftest import REPOSITORY
from tests.figures import report
from tests.reliability.clients import asking, wait_until
from tests.reliability.sockets import read_until

pytestmark = pytest.mark.long

HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
PAIR = b'{"user_id": 1, "movie_id": 1193}'
# The timeouts; the server checks once a second.
SECONDS, SLACK = 1, 3.5
RESET = b"reset"
Came = tuple[bytes, float]


def silent(connection: socket.socket) -> None:
    """Send nothing."""


def half_a_head(connection: socket.socket) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")


def half_a_second_head(connection: socket.socket) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: ")


def half_a_plain_body(connection: socket.socket) -> None:
    connection.sendall(HEAD % (b"/predict", len(PAIR)) + PAIR[:5])


def no_body(connection: socket.socket) -> None:
    connection.sendall(HEAD % (b"/predict", len(PAIR)))


def half_a_batch(connection: socket.socket) -> None:
    connection.sendall(HEAD % (b"/predict/batch", 100_000) + b"{" * 50_000)


def drop_by_drop(connection: socket.socket) -> None:
    try:
        for letter in HEAD % (b"/predict", 10_000) + b" " * 10_000:
            connection.sendall(bytes([letter]))
            time.sleep(0.05)
    except OSError:
        pass


def a_body_drop_by_drop(connection: socket.socket) -> None:
    connection.sendall(HEAD % (b"/predict", 10_000))
    try:
        for _ in range(200):
            connection.sendall(b" ")
            time.sleep(0.05)
    except OSError:
        pass


def idle_after_an_answer(connection: socket.socket) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")


def in_two_parts(connection: socket.socket) -> None:
    message = HEAD % (b"/predict", len(PAIR)) + PAIR
    connection.sendall(message[:40])
    time.sleep(0.4)
    connection.sendall(message[40:-10])
    time.sleep(0.4)
    connection.sendall(message[-10:])


def a_body_without_end_after_the_answer(connection: socket.socket) -> None:
    connection.sendall(HEAD % (b"/nope", 999_999_999))
    try:
        for _ in range(200):
            connection.sendall(b" " * 100_000)
            time.sleep(0.05)
    except OSError:
        pass


TOO_SLOW = (b"HTTP/1.1 408 Request Timeout\r\n",)
# The expected responses. A client that sends to a closed connection may lose the response.
CLIENTS: dict[Callable[[socket.socket], None], tuple[bytes, ...]] = {
    silent: (b"",),
    half_a_head: TOO_SLOW,
    half_a_second_head: (b"HTTP/1.1 200 ",),
    half_a_plain_body: TOO_SLOW,
    no_body: TOO_SLOW,
    half_a_batch: TOO_SLOW,
    drop_by_drop: (*TOO_SLOW, RESET),
    a_body_drop_by_drop: (*TOO_SLOW, RESET),
    a_body_without_end_after_the_answer: (b"HTTP/1.1 404 ", RESET),
    idle_after_an_answer: (b"HTTP/1.1 200 ",),
    in_two_parts: (b"HTTP/1.1 200 ",),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    seconds = {f"{name}_seconds": SECONDS for name in ("head", "body", "answer", "idle")}
    with running(REPOSITORY / "models_store", log_level="warning", **seconds) as server:
        yield server
        server.process.terminate()
        output, errors = server.process.communicate(timeout=10)
        assert "Traceback" not in output + errors


def behave(server: Running, client: Callable[[socket.socket], None]) -> Came:
    """The response to a client, and the seconds until the server closed."""
    start = time.perf_counter()
    with socket.create_connection(server.address(), timeout=20) as connection:
        client(connection)
        try:
            return read_until(connection), time.perf_counter() - start
        except ConnectionResetError:
            return RESET, time.perf_counter() - start


@pytest.fixture(scope="module")
def came(server: Running) -> dict[str, Future[Came]]:
    """Run all clients at once, and return their outcomes."""
    with ThreadPoolExecutor(len(CLIENTS)) as clients:
        return {client.__name__: clients.submit(behave, server, client) for client in CLIENTS}


@pytest.mark.parametrize("client", CLIENTS)
def test_slow_client_is_disconnected_after_its_timeout(
    came: dict[str, Future[Came]], client: Callable[[socket.socket], None]
) -> None:
    answer, seconds = came[client.__name__].result()
    assert answer.startswith(CLIENTS[client])
    if client in (half_a_second_head, idle_after_an_answer):
        assert answer.endswith(b'{"status":"ok"}')
    if answer.startswith(TOO_SLOW):
        assert b"\r\nconnection: close\r\n" in answer
    if client in (silent, half_a_head, half_a_plain_body, no_body, half_a_batch, idle_after_an_answer):
        assert SECONDS <= seconds < SECONDS + SLACK


def test_a_client_that_is_slow_within_the_limits_is_served(came: dict[str, Future[Came]]) -> None:
    answer, _ = came["in_two_parts"].result()
    assert b'"rating":' in answer


def open_files(server: Running) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_client_that_does_not_read_is_disconnected(server: Running, came: dict[str, Future[Came]]) -> None:
    for done in came.values():
        done.result()
    before = open_files(server)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.address())
        # The responses exceed the buffers of the system.
        client.sendall(b"GET /movies?limit=100000 HTTP/1.1\r\nHost: x\r\n\r\n" * 40)
        wait_until(lambda: open_files(server) == before + 1)
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        wait_until(lambda: open_files(server) <= before, seconds=SECONDS + SLACK)


def test_many_slow_clients_do_not_delay_others(server: Running) -> None:
    rounds, clients_at_once = 15, [*CLIENTS] * 6
    before = open_files(server)
    with (
        asking(server.url, "/predict", {"user_id": 1, "movie_id": 1193}, clients=2) as asked,
        ThreadPoolExecutor(len(clients_at_once)) as clients,
    ):
        for _ in range(rounds):
            for answer, seconds in clients.map(lambda client: behave(server, client), clients_at_once):
                assert answer in (b"", RESET) or answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 40"))
                assert seconds < 20
    assert not asked.lost
    assert {answer.status_code for answer in asked.answers} == {200}
    waits = sorted(1000 * answer.elapsed.total_seconds() for answer in asked.answers)
    wait_until(lambda: open_files(server) <= before)
    p50, p99 = (waits[len(waits) * part // 100] for part in (50, 99))
    assert p50 < 200
    report(
        "slow clients",
        slow_clients=f"{rounds * len(clients_at_once):,}",
        requests_beside=f"{len(waits):,}",
        lost=0,
        p50=f"{p50:.1f} ms",
        p99=f"{p99:.1f} ms",
    )
