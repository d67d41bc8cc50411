"""The fast path of `POST /predict` returns the same bytes as the route, or forwards the request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from app.contract.limits import Limits
from app.http.fast_predict import FastPredict
from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry

JSON = {"content-type": "application/json"}
# The fast path accepts only exactly this content type.
JSON_FOR_THE_ROUTE = {"content-type": "application/json; charset=utf-8"}
REGISTRY = fake_registry()
FastPath = Callable[[bytes], bytes | None]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(max_id_length=40), REGISTRY)) as client:
        yield client


def by_route(client: TestClient, body: bytes, headers: dict[str, str] | None = None) -> httpx2.Response:
    return client.post("/predict", content=body, headers={**JSON_FOR_THE_ROUTE, **(headers or {})})


async def answered(body: bytes) -> bytes | None:
    """Return the body of the fast path's response, or None if it forwards the request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == body

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "state": {"live": SimpleNamespace(registry=REGISTRY)},
    }
    await FastPredict(route, Limits(max_id_length=40))(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent) if sent else None


@pytest.fixture(scope="module")
def by_fast_path() -> Iterator[FastPath]:
    with asyncio.Runner() as runner:
        yield lambda body: runner.run(answered(body))


raw_ids: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(1, 2, 3, "1", "user_1", "user_2", "movie_1", "movie_4", 4, 5, 0, 99, -1, 2**63 - 1, 2**63, 2**64),
        *("user_01", "01", "1_0", "+1", "", " user_1", "user_1 ", "user_\u0661", "nobody", 'a"b', "a\\b"),
        *(True, None, 1.0, 1.5, [], {}, [1], "x" * 40, "x" * 41, "é", "\U0001f600", "a\u2028b", "\x7f"),
    ]
)
members = st.tuples(
    st.sampled_from(["user_id", "movie_id", "model", "on_unknown", "extra", "user_id ", ""]),
    raw_ids | st.sampled_from(["baseline", "half", "nope", "error", "fallback", "Error"]),
)
plain = st.fixed_dictionaries(
    {"user_id": st.sampled_from([1, "2", "user_3"]), "movie_id": st.sampled_from([1, "4", "movie_2"])},
    optional={
        "model": st.sampled_from(["baseline", "half"]),
        "on_unknown": st.sampled_from(["error", "fallback"]),
    },
).map(lambda fields: list(fields.items()))


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Generate JSON objects as text, with duplicate keys, blanks anywhere and optional escapes."""
    pairs: list[tuple[str, Any]] = draw(plain)
    pairs = pairs + draw(st.lists(members, max_size=2)) if draw(st.booleans()) else pairs
    pairs = draw(st.permutations(pairs))
    ascii_only, blank = draw(st.booleans()), draw(st.sampled_from(["", " ", "\n\t"]))
    parts = [
        f"{json.dumps(name, ensure_ascii=ascii_only)}{blank}:"
        f"{blank}{json.dumps(value, ensure_ascii=ascii_only)}"
        for name, value in pairs
    ]
    text = f"{blank}{{{blank}{f'{blank},'.join(parts)}{blank}}}{blank}"
    body = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        cut = draw(st.integers(0, len(body)))
        body = body[:cut] + draw(st.sampled_from([b"", b"x", b'"', b"\xff", b"\\", b"NaN"])) + body[cut:]
    return body


@settings(max_examples=600)
@given(body=bodies())
def test_fast_path_returns_the_same_bytes_as_the_route(
    client: TestClient, by_fast_path: FastPath, body: bytes
) -> None:
    fast = by_fast_path(body)
    answer = by_route(client, body)
    if fast is not None:
        assert (answer.status_code, answer.content) == (200, fast)


@given(fields=plain)
def test_plain_cases_take_the_short_way(
    client: TestClient, by_fast_path: FastPath, fields: list[tuple[str, Any]]
) -> None:
    body = json.dumps(dict(fields)).encode()
    assert by_fast_path(body) == by_route(client, body).content


@pytest.mark.parametrize(
    "body",
    [
        b'{"user_id":1,"movie_id":1,"user_id":1}',
        b'{"user_id":1,"user_id":1}',
        b'{"user_id":"1","movie_id":"1","on_unknown":"error","on_unknown":"error"}',
        b'{"user_id":1,"movie_id":1,"on_unknown":0}',
        b'{"user_id":1,"movie_id":1,"model":0}',
        b'{"user_id":1,"movie_id":1.0}',
        b'{"user_id":true,"movie_id":1}',
        b'{"user_id":"user_9","movie_id":1}',
        b'{"user_id":9,"movie_id":1,"on_unknown":"fallback"}',
        b'{"user_id":1,"movie_id":1}' + b" " * 3000,
    ],
)
def test_what_is_not_plain_is_left_to_the_route(by_fast_path: FastPath, body: bytes) -> None:
    assert by_fast_path(body) is None


def test_headers_and_body_are_those_of_the_route(client: TestClient) -> None:
    body = b'{"user_id":1,"movie_id":1}'
    same_id = {"x-request-id": "the-same"}
    for content in (body, iter([body[:7], body[7:]])):
        answer = client.post("/predict", content=content, headers={**JSON, **same_id})
        assert answer.status_code == 200
        assert answer.headers == by_route(client, body, same_id).headers
        assert answer.content == by_route(client, body).content
