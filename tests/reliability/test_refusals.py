"""Large bodies are refused before they are sent, or the client can finish and read the response."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.app.processes import Running, running
from tests.conftest import REPOSITORY
from tests.reliability.sockets import read_until

pytestmark = pytest.mark.long

KEY = "a-key-of-twenty-characters"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(REPOSITORY / "models_store", max_body_bytes=65_536, api_keys=KEY) as server:
        yield server


def ask(server: Running, sent: bytes) -> tuple[int, dict[str, object]]:
    """Return status and problem of the response to `sent`."""
    with socket.create_connection(server.address(), timeout=20) as connection:
        connection.sendall(sent)
        head, _, body = read_until(connection, b"}").partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("path", "key", "status"), [("/models", "", 401), ("/nope", KEY, 404), ("/predict/batch", KEY, 413)]
)
@pytest.mark.parametrize("coded", [False, True])
def test_a_client_that_keeps_the_connection_gets_the_refusal_of_a_large_body(
    server: Running, path: str, key: str, status: int, coded: bool
) -> None:
    size = 8_000_000
    framing = "Transfer-Encoding: chunked" if coded else f"Content-Length: {size}"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n"
    head += f"Content-Type: application/json\r\nAuthorization: Bearer {key}\r\n\r\n" if key else "\r\n"
    body = b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n" if coded else b" " * size
    found, problem = ask(server, head.encode() + body)
    assert found == problem["status"] == status


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_a_body_that_states_too_many_bytes_is_refused_before_it_is_sent(
    server: Running, path: str, expect: str
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{expect}"
    head += f"Authorization: Bearer {KEY}\r\nContent-Length: 65537\r\n\r\n"
    status, problem = ask(server, head.encode())
    assert (status, problem["code"]) == (413, "body_too_large")
