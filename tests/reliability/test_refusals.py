"""What the connection itself refuses: told, logged and counted like all else, and heard by the client."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.app.processes import Running, running
from tests.app.scraping import Scrape
from tests.conftest import REPOSITORY
from tests.reliability.clients import wait_until
from tests.reliability.sockets import read_until

pytestmark = pytest.mark.long

KEY = "a-key-of-twenty-characters"
LONG = b"a" * 70_000
# What is sent, and what the log says of it.
REFUSED = {
    "noise": (b"GARBAGE\r\n\r\n", 400, "- - 400"),
    "large head": (b"GET /models?user_id=7 HTTP/1.1\r\nX: " + LONG, 431, "GET /models 431"),
    "large address": (b"GET /" + LONG, 431, f"GET /{'a' * 198}… 431"),
    "slow head": (b"POST /predict HTTP/1.1\r\nHost: ", 408, "POST /predict 408"),
    "broken body": (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + KEY.encode() + b"\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        400,
        "POST /predict 400",
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    settings = {"head_seconds": 1, "max_body_bytes": 65_536, "api_keys": KEY}
    with running(REPOSITORY / "models_store", **settings) as server:
        yield server


def say(server: Running, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """What comes back to `sent` until the server closes: status, headers and body of the first answer."""
    with socket.create_connection(server.address(), timeout=20) as connection:
        connection.sendall(sent)
        head, _, body = read_until(connection).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert len(headers) == len(lines)
    return int(status.split()[1]), headers, body


def count(server: Running, method: str, status: int) -> float:
    scraped = Scrape(httpx2.get(f"{server.url}/metrics", headers={"authorization": f"Bearer {KEY}"}))
    return scraped("stars_http_requests_total", route="other", method=method, status=str(status))


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_is_told_logged_and_counted_like_any_other_answer(server: Running, kind: str) -> None:
    sent, expected, logged = REFUSED[kind]
    method = logged.split()[0].replace("-", "other")
    before = count(server, method, expected)
    status, headers, body = say(server, sent)
    assert (status, headers["content-type"], headers["connection"]) == (
        expected,
        "application/problem+json",
        "close",
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert json.loads(body)["status"] == expected
    server.read_until(f" {logged} ")
    if kind != "broken body":  # it has a route
        assert count(server, method, expected) == before + 1


def test_the_id_in_the_log_is_the_one_that_was_told_and_that_of_the_request(server: Running) -> None:
    _, headers, _ = say(server, b"GARBAGE\r\n\r\n")
    server.read_until(headers["x-request-id"])
    _, headers, _ = say(server, b"GET /models HTTP/1.1\r\nX-Request-ID: mine\r\nX: " + LONG)
    assert headers["x-request-id"] == "mine"


def test_head_has_no_body_when_it_is_refused(server: Running) -> None:
    status, headers, body = say(server, b"HEAD /models HTTP/1.1\r\nX: " + LONG)
    assert (status, body) == (431, b"")
    assert int(headers["content-length"]) > 0


def test_what_came_before_is_answered_first(server: Running) -> None:
    before = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 20
    with socket.create_connection(server.address(), timeout=20) as connection:
        connection.sendall(before + b"GARBAGE\r\n\r\n")
        answers = read_until(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 20
    assert b"unreadable_request" in answers.rpartition(b"HTTP/1.1 400")[2]


@pytest.mark.parametrize(
    ("path", "key", "status"), [("/models", "", 401), ("/nope", KEY, 404), ("/predict/batch", KEY, 413)]
)
@pytest.mark.parametrize("coded", [False, True])
def test_who_sends_all_of_a_large_body_first_still_hears_that_it_was_refused(
    server: Running, path: str, key: str, status: int, coded: bool
) -> None:
    size = 8_000_000
    framing = "Transfer-Encoding: chunked" if coded else f"Content-Length: {size}"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}\r\n"
    head += f"Content-Type: application/json\r\nAuthorization: Bearer {key}\r\n\r\n" if key else "\r\n"
    body = b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n" if coded else b" " * size
    start = time.perf_counter()
    answer = say(server, head.encode() + body)
    assert (answer[0], json.loads(answer[2])["status"]) == (status, status)
    assert time.perf_counter() - start < 4


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_a_body_that_is_to_be_too_large_is_refused_before_it_comes(
    server: Running, path: str, expect: str
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{expect}"
    head += f"Authorization: Bearer {KEY}\r\nConnection: close\r\nContent-Length: 65537\r\n\r\n"
    start = time.perf_counter()
    status, _, body = say(server, head.encode())
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")
    assert time.perf_counter() - start < 2


def test_who_never_stops_sending_or_goes_on_for_ever_is_cut_off(server: Running) -> None:
    head = b"POST /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 999999999\r\n\r\n"
    with socket.create_connection(server.address(), timeout=20) as connection:
        connection.sendall(head)
        with pytest.raises(ConnectionError):
            connection.sendall(b" " * 200_000_000)
    with socket.create_connection(server.address(), timeout=20) as connection:
        connection.sendall(head)
        assert read_until(connection).startswith(b"HTTP/1.1 401 ")
        wait_until(lambda: not _is_open(connection))


def _is_open(connection: socket.socket) -> bool:
    try:
        connection.sendall(b" ")
    except ConnectionError:
        return False
    return True
