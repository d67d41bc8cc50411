"""Raw bytes to a real server: no 500, no long response or echo, and the next client is served."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from hypothesis import given, settings

from tests.app.processes import Running, running
from tests.conftest import REPOSITORY
from tests.figures import report
from tests.fuzz.requests import JSON, LONG, Sent, anything, chunked, request
from tests.fuzz.sockets import Answer, exchange

MODELS = REPOSITORY / "models_store"
# Text that no error response may contain: paths, stack traces, versions of libraries.
LEAKS = re.compile(rb"Traceback|site-packages|/usr/|/home/|/root/|\.py\b|uvicorn|starlette|pydantic", re.I)
GROWTH_BYTES = 100 * 1024 * 1024
# Plain-text responses of the connection.
REFUSALS = {"400 Bad Request", "431 Request Header Fields Too Large"}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(MODELS, max_body_bytes=65_536, max_batch=1000, log_level="error") as server:
        yield server
        assert server.process.poll() is None
        server.process.terminate()
        output, errors = server.process.communicate(timeout=20)
        assert "Traceback" not in output + errors


def check(answer: Answer) -> None:
    """Check what must hold for every response."""
    assert answer.status < 500 or answer.status == 503, answer
    if answer.content_type == "text/plain":
        assert answer.body.decode() in REFUSALS
    elif answer.status >= 400:
        assert answer.content_type == "application/problem+json", answer
        assert len(answer.body) < 10_000
        assert not LEAKS.search(answer.body), answer.body
        assert LONG[:100].encode() not in answer.body
        assert not answer.body or json.loads(answer.body)["status"] == answer.status


def assert_serves_fast(server: Running) -> None:
    start, worked = time.perf_counter(), cpu_seconds(server)
    answer = httpx2.get(f"{server.url}/predict?user_id=1&movie_id=1193", timeout=20)
    assert answer.status_code == 200
    # On a busy machine the server may have waited for a processor, but not used it.
    slow = time.perf_counter() - start > 2 and cpu_seconds(server) - worked > 0.5
    assert not slow, "somebody's strange request slows the next one"


def cpu_seconds(server: Running) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(server: Running) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def connected(server: Running) -> socket.socket:
    return socket.create_connection(server.address(), timeout=5)


def fuzz(server: Running, cases: int) -> Counter[int]:
    """Send `cases` examples, and count the statuses of the responses (0: none)."""
    seen: Counter[int] = Counter()

    @settings(max_examples=cases)
    @given(sent=anything())
    def try_one(sent: Sent) -> None:
        answers = exchange(server.url, sent.data, 5 if sent.answered else 0.02)
        assert answers or not sent.answered, sent.data[:300]
        for answer in answers:
            check(answer)
        seen.update([answer.status for answer in answers] or [0])
        if sum(seen.values()) % 10 == 0:
            assert_serves_fast(server)

    before = resident_bytes(server)
    try_one()
    assert_serves_fast(server)
    assert resident_bytes(server) - before < GROWTH_BYTES
    return seen


@pytest.mark.long
def test_no_raw_request_causes_a_server_error(server: Running) -> None:
    seen = fuzz(server, 400)
    # The strategies cover all expected statuses. (405 is for requests without a required response.)
    assert {200, 400, 404, 413, 415, 422} <= seen.keys(), seen


@pytest.mark.long
@pytest.mark.parametrize("cases", [20_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_no_raw_request_causes_a_server_error_for_long(server: Running, cases: int) -> None:
    seen = fuzz(server, cases)
    report("raw HTTP fuzz", cases=f"{cases:,}", answers_by_status=dict(sorted(seen.items())), server_errors=0)


@pytest.mark.long
@pytest.mark.parametrize(
    "kind", ["header", "address", "many headers", "trailers", "trailer", "chunk extension"]
)
def test_endless_head_is_refused(server: Running, kind: str) -> None:
    post = request("POST", "/predict", [(b"Content-Type", JSON), (b"Transfer-Encoding", b"chunked")])
    begin = {
        "header": b"GET / HTTP/1.1\r\nX: ",
        "address": b"GET /",
        "many headers": b"GET / HTTP/1.1\r\n",
        "trailers": post + b"0\r\n",
        "trailer": post + b"0\r\nX: ",
        "chunk extension": post + b"5;",
    }[kind]
    line = b"name: value\r\n" * 5000 if kind in ("many headers", "trailers") else b"a" * 65_000
    before = resident_bytes(server)
    with connected(server) as connection:
        connection.sendall(begin)
        with pytest.raises(ConnectionError):
            connection.sendall(line * 1000)
    assert resident_bytes(server) - before < 20_000_000
    assert_serves_fast(server)


@pytest.mark.long
@pytest.mark.parametrize("part", [1 << 20, 10_000, 4999])
def test_many_pipelined_requests_do_not_count_as_one_head(server: Running, part: int) -> None:
    keep = request("GET", "/healthz", [(b"Connection", b"keep-alive")])
    answers = exchange(server.url, keep * 3000 + request("GET", "/healthz", []), 20, part)
    assert [answer.status for answer in answers] == [200] * 3001


@pytest.mark.long
def test_a_large_head_behind_others_is_refused_after_their_answers(server: Running) -> None:
    keep = request("GET", "/healthz", [(b"Connection", b"keep-alive")])
    with connected(server) as connection:
        connection.sendall(keep * 20 + b"GET / HTTP/1.1\r\nX: ")
        answers = b""
        while answers.count(b"200 OK") < 20:
            answers += connection.recv(1 << 16)
        for _ in range(2):
            connection.sendall(b"a" * 40_000)
            time.sleep(0.2)
        answers += b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == 20
    assert b"HTTP/1.1 431 " in answers


UPGRADE = [(b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMA")]


@pytest.mark.long
@pytest.mark.parametrize("part", [1 << 20, 7])
@pytest.mark.parametrize("coded", [False, True])
def test_upgrade_request_is_answered_in_http_1(server: Running, coded: bool, part: int) -> None:
    body = b'{"user_id": 1, "movie_id": 1193}' + b" " * (3000 if part > 7 else 0)
    framing = (b"Transfer-Encoding", b"chunked") if coded else (b"Content-Length", b"%d" % len(body))
    sent = chunked(body, 20) if coded else body
    post = request("POST", "/predict", [(b"Content-Type", JSON), framing, *UPGRADE], sent)
    get = request("GET", "/predict?user_id=1&movie_id=1193", UPGRADE)
    plain = request(
        "POST", "/predict", [(b"Content-Type", JSON), (b"Content-Length", b"%d" % len(body))], body
    )
    answers = exchange(server.url, post + get + post + plain, part=part)
    assert [answer.status for answer in answers] == [200] * 4
    assert len({answer.body for answer in answers}) == 1


def test_body_of_an_upgrade_request_is_read(server: Running) -> None:
    kind = (b"Content-Type", JSON)
    for framing, sent, status in [
        ((b"Transfer-Encoding", b"chunked"), b"zz\r\n", 400),
        ((b"Content-Length", b"70000"), b" " * 70_000, 413),
    ]:
        answers = exchange(server.url, request("POST", "/predict/batch", [kind, framing, *UPGRADE], sent))
        assert answers[-1].status == status
        check(answers[-1])


def test_body_does_not_count_towards_the_limit_of_a_head(server: Running) -> None:
    body = b'{"user_id": 1, "movie_id": 1193}' + b" " * 65_000
    for head, sent in [
        ([(b"Content-Length", b"%d" % len(body))], body),
        ([(b"Transfer-Encoding", b"chunked")], chunked(body, 100)),
    ]:
        message = request("POST", "/predict", [(b"Content-Type", JSON), *head], sent)
        for part in (1000, 1 << 20):
            (answer,) = exchange(server.url, message, part=part)
            assert answer.status == 200
