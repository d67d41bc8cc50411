"""Limits on a connection, with an application that waits until the test opens it."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

import app.http_guard
from app.http_guard import HttpGuard, http_protocol
from app.settings import Settings
from tests.reliability.clients import wait_until
from tests.reliability.sockets import read_until

# All that `app.http_guard` uses of uvicorn. If an update moves one of these, review uvicorn's source.
OVERRIDDEN = {"connection_made", "connection_lost", "data_received", "on_headers_complete", "on_body"}
ATTRIBUTES = {"parser", "loop", "cycle"}
OF_CYCLE = {
    *("scope", "more_body", "message_event", "response_started", "response_complete"),
    *("keep_alive", "disconnected"),
}
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"


BAD, LARGE = "400 Bad Request", "431 Request Header Fields Too Large"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
# The beginning of a request, the bytes that follow repeatedly, and the response.
REFUSED = {
    "noise": (b"GARBAGE\r\n\r\n", b"", BAD),
    "an unknown version": (b"GET / HTTP/9.9\r\n\r\n", b"", BAD),
    "a malformed chunk": (CHUNKED + b"zz\r\n", b"", BAD),
    "a long address": (b"GET /", b"a" * 5000, LARGE),
    "a long header": (b"GET / HTTP/1.1\r\nX: ", b"a" * 5000, LARGE),
    "many headers": (b"GET / HTTP/1.1\r\n", b"name: value\r\n" * 400, LARGE),
    "a long chunk extension": (CHUNKED + b"5;", b"a" * 5000, LARGE),
    "many trailers": (CHUNKED + b"5\r\nhello\r\n0\r\n", b"name: value\r\n" * 400, LARGE),
}


class Gate:
    """Return the path and the body of a request; below `/wait` only when the gate is open."""

    def __init__(self) -> None:
        self.open, self.begun, self.waiting = threading.Event(), 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        body = b"" if scope["path"] == "/unread" else await Request(scope, receive).body()
        if scope["path"].startswith("/wait"):
            self.waiting += 1
            while not self.open.is_set():
                await asyncio.sleep(0.01)
        body += b" " * 20_000_000 * scope["path"].startswith("/large")
        await Response(scope["path"].encode() + b":" + body + b";")(scope, receive, send)


class Server:
    """A server in a thread of this process."""

    def __init__(self, gate: Gate, address: tuple[str, int], stack: ExitStack) -> None:
        self.gate, self._address, self._stack = gate, address, stack

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a connection and send `sent`."""
        connection = self._stack.enter_context(socket.create_connection(self._address, timeout=20))
        connection.sendall(sent)
        return connection


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    """Run a gate behind the guard with the given settings."""
    gate = Gate()
    config = uvicorn.Config(
        gate, http=http_protocol(Settings(**settings)), ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield Server(gate, listener.getsockname(), stack)
        finally:
            gate.open.set()
            stack.close()
            server.should_exit = True
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def test_uses_of_uvicorn_internals_are_pinned() -> None:
    stock = HttpToolsProtocol(uvicorn.Config(Gate(), log_config=None), ServerState(), {}, Mock())
    arguments = inspect.signature(RequestResponseCycle).parameters
    cycle = RequestResponseCycle(**{name: Mock() for name in arguments})
    tree = ast.parse(inspect.getsource(app.http_guard))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} - {"__init__"}
    assert {
        name for name in vars(HttpGuard) if hasattr(HttpToolsProtocol, name) and name[:2] != "__"
    } == OVERRIDDEN
    assert used & {*dir(stock)} - OF_CYCLE - OVERRIDDEN == ATTRIBUTES
    assert used & {*dir(cycle)} == OF_CYCLE
    assert len(OVERRIDDEN | ATTRIBUTES) <= 8


@pytest.mark.parametrize("coding", [b"", b"Expect: 100-continue\r\n"])
@pytest.mark.parametrize("offer", [b"", H2C, b"Connection: upgrade\r\nUpgrade: websocket\r\n"])
def test_request_that_offers_another_protocol_is_answered_with_its_body(
    server: Server, offer: bytes, coding: bytes
) -> None:
    connection = server.connect(POST % (b"/a", 5, offer + coding))
    if coding:
        read_until(connection, b"100 Continue\r\n\r\n")
    for piece in (b"he", b"llo" + GET % b"/b" + POST % (b"/c", 3, offer) + b"abc"):
        connection.sendall(piece)
    answers = read_until(connection, b"/c:abc;")
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert b"/a:hello;" in answers and b"/b:;" in answers


def test_a_request_that_offers_another_protocol_and_closes_is_answered_with_its_body(server: Server) -> None:
    connection = server.connect(POST % (b"/a", 5, b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n") + b"he")
    connection.sendall(b"llo" + GET % b"/b")
    assert read_until(connection).endswith(b"/a:hello;")


def test_many_requests_in_one_read_that_offer_another_protocol_are_answered(server: Server) -> None:
    connection = server.connect((POST % (b"/a", 1, H2C) + b"x") * 200 + GET % b"/end")
    assert read_until(connection, b"/end:;").count(b"/a:x;") == 200


def test_connect_is_answered_like_any_method_without_a_tunnel(server: Server) -> None:
    connection = server.connect(b"CONNECT /a HTTP/1.1\r\nHost: x\r\n\r\n" + GET % b"/b")
    assert b"/a:;" in read_until(connection, b"/b:;")


@pytest.mark.parametrize("kind", REFUSED)
def test_invalid_request_is_refused_in_plain_text_and_logged(
    server: Server, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.INFO)
    begin, rest, expected = REFUSED[kind]
    connection = server.connect(begin)
    # One read may exceed the limit, so there are many small ones.
    while not select.select([connection], [], [], 0.005)[0]:
        connection.sendall(rest)
    head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
    assert body.decode() == expected
    assert head.decode().splitlines() == [
        f"HTTP/1.1 {expected}",
        "content-type: text/plain",
        f"content-length: {len(expected)}",
        "connection: close",
    ]
    assert f"refused a connection: {expected}" in caplog.messages


def test_earlier_requests_are_answered_before_the_connection_is_closed(server: Server) -> None:
    connection = server.connect(GET % b"/wait/1" + GET % b"/2" + b"GARBAGE\r\n\r\n")
    wait_until(lambda: server.gate.waiting == 1)
    server.gate.open.set()
    answers = read_until(connection)
    assert answers.endswith(b"/2:;") and b"/wait/1:;" in answers
    assert b"connection: close" in answers


def test_a_head_without_end_is_not_read_while_an_earlier_request_is_worked_on(server: Server) -> None:
    connection = server.connect(GET % b"/wait" + b"GET / HTTP/1.1\r\nX: ")
    wait_until(lambda: server.gate.waiting == 1)
    connection.settimeout(1)
    with pytest.raises(TimeoutError):
        connection.sendall(b"a" * 100_000_000)


def test_bytes_after_a_closing_request_are_ignored(server: Server) -> None:
    connection = server.connect(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n\r\nmore")
    assert read_until(connection).endswith(b"/a:;")


def test_a_body_that_the_application_does_not_read_is_skipped(server: Server) -> None:
    size = 3_000_000
    connection = server.connect(POST % (b"/unread", size, b"") + b" " * size + GET % b"/next")
    assert b"/unread:;" in read_until(connection, b"/next:;")


def test_client_that_disconnects_between_responses_causes_no_error(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    connection = server.connect(GET % b"/large/1" + GET % b"/large/2" + GET % b"/large/3")
    # The second answer waits until the client has read the first.
    wait_until(lambda: server.gate.begun == 2)
    connection.close()
    other = server.connect(GET % b"/end")
    assert read_until(other, b"/end:;")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_connection_beyond_the_limit_gets_503_if_all_wait_for_a_response() -> None:
    with serving(max_connections=2) as server:
        busy = [server.connect(GET % b"/wait") for _ in range(2)]
        wait_until(lambda: server.gate.waiting == 2)
        assert read_until(server.connect()).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        server.gate.open.set()
        for one in busy:
            assert read_until(one, b"/wait:;").startswith(b"HTTP/1.1 200 ")


def test_connection_beyond_the_limit_closes_the_oldest_without_request_then_an_idle_one() -> None:
    with serving(max_connections=3) as server:
        steady = server.connect(GET % b"/a")
        read_until(steady, b"/a:;")
        half_open = [server.connect(b"GET / HT"), server.connect()]
        third = server.connect(GET % b"/b")
        read_until(third, b"/b:;")
        assert half_open[0].recv(1) == b""
        busy = server.connect(GET % b"/wait")
        wait_until(lambda: server.gate.waiting == 1)
        assert half_open[1].recv(1) == b""
        fourth = server.connect(GET % b"/c")
        read_until(fourth, b"/c:;")
        assert steady.recv(1) == b""
        server.gate.open.set()
        assert read_until(busy, b"/wait:;")
        third.sendall(GET % b"/d")
        assert read_until(third, b"/d:;")


def test_invalid_request_after_a_response_that_is_not_read_yet_is_refused() -> None:
    with serving() as server:
        connection = server.connect(GET % b"/large")
        # The response is complete, but most of it does not fit into the buffers of the system.
        connection.recv(1)
        connection.sendall(b"GARBAGE\r\n\r\n")
        assert read_until(connection).endswith(f"\r\n\r\n{BAD}".encode())
