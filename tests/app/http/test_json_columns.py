"""Lists found in a body's bytes are those that the parser finds, or nothing is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.http.json_columns import MIN_BYTES, parse_columns
from app.http.strict_json import parse_json
from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry
from training.artefact.ids.id_text import IdTexts

MANY = [f"user_{number % 3 + 1}" for number in range(MIN_BYTES // 8)]
SEPARATORS = [(",", ":"), (", ", ": ")]

odd: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("user_1", "", " ", "a b", "a,b", ",", '","', '", "', "[", "]", "[]", "{", ":", "é", "\U0001f600"),
        *("\x7f", "\t", "a\\b", 'a"b', "\u2028", "7", "x" * 300),
        *(1, -1, 2**63, 1.5, True, None, [], [1], ["user_1"], {}),
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Generate a body with two long lists, nearly always plain ones, among other members."""
    lists: list[list[Any]] = [list(MANY), list(MANY)]
    for _ in range(draw(st.integers(0, 2))):
        column = lists[draw(st.integers(0, 1))]
        place = draw(st.sampled_from([0, 1, 7, len(column) - 1]))
        column[place : place + 1] = draw(st.lists(odd, max_size=2))
    members: list[tuple[str, Any]] = [("user_ids", lists[0]), ("movie_ids", lists[1])]
    if draw(st.booleans()):
        names = st.sampled_from(["model", "on_unknown", "extra", "user_ids", "movie_ids", "a[", "]"])
        members.insert(draw(st.integers(0, 2)), (draw(names), draw(odd)))
    separators = draw(st.sampled_from([*SEPARATORS, (" ,", ":"), (",\n", ":"), (",  ", ":")]))
    texts = [
        json.dumps({name: value}, ensure_ascii=False, separators=separators)[1:-1] for name, value in members
    ]
    body = ("{" + separators[0].join(texts) + "}").encode()
    if draw(st.booleans()):
        place = draw(st.one_of(st.integers(0, 40), st.integers(0, len(body))))
        more = draw(st.sampled_from([b"", b'"', b",", b" ", b"[", b"]", b"\\", b"\xff", b"\n", b"0", b"}"]))
        body = body[:place] + more + body[place + draw(st.integers(0, 1)) :]
    return body


@given(bodies())
def test_what_is_found_is_what_the_parser_says(body: bytes) -> None:
    found = parse_columns(body)
    if found is None:
        return
    lists = {name: list(value) if isinstance(value, IdTexts) else value for name, value in found.items()}
    assert lists == parse_json(body)
    assert sum(isinstance(value, IdTexts) for value in found.values()) == 2


REST = ",".join(f'"{one}"' for one in MANY).encode()
BLANKS = REST.replace(b",", b", ")


@pytest.mark.parametrize(
    "body",
    [
        b'{"user_ids":["a""a",",",%b],"movie_ids":["a"]}' % REST,
        b'{"user_ids":["a", "b",x"c", %b],"movie_ids":["a"]}' % BLANKS,
        b'{"user_ids":["a\xff",%b],"movie_ids":["a"]}' % REST,
        b'{"user_ids":["a\t",%b],"movie_ids":["a"]}' % REST,
        b'{"user_ids":["a\\\\",%b],"movie_ids":["a"]}' % REST,
        b'{"user_ids":["a\\"",%b],"movie_ids":["a"]}' % REST,
        b'{"user_ids":["a",,%b],"movie_ids":["a"]}' % REST,
        b'{"user_ids":[%b,],"movie_ids":["a"]}' % REST,
        b'{"user_ids":{"a":[%b]},"movie_ids":["a"]}' % REST,
        b'{"user_ids":[[%b]],"movie_ids":1}' % REST,
        b'{"user_ids":[%b],"movie_ids":["a"],"user_ids":1}' % REST,
        b'{"user_ids":"[","movie_ids":[%b],"model":"]"}' % REST,
        b'["user_ids",[%b]]' % REST,
        b'{"user_ids":[1],"movie_ids":[%b]}' % REST,
    ],
)
def test_what_only_looks_usual_is_left_to_the_parser(body: bytes) -> None:
    assert parse_columns(body) is None


@pytest.mark.parametrize("separators", SEPARATORS)
@pytest.mark.parametrize("inside", ["user_1", "a b", "", "7", "~", "{:}"])
def test_the_usual_forms_are_found(separators: tuple[str, str], inside: str) -> None:
    fields = {"model": "half", "user_ids": [inside, *MANY], "movie_ids": [*MANY, inside]}
    found = parse_columns(json.dumps(fields, separators=separators).encode())
    assert found is not None
    assert isinstance(found["user_ids"], IdTexts)
    assert found["user_ids"].all_plain(40) == (inside not in ("a b", ""))
    assert {name: value if name == "model" else list(value) for name, value in found.items()} == fields  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def roomy() -> Any:
    with TestClient(create_app(Settings(max_batch=600, max_id_length=40), fake_registry())) as client:
        yield client


def _post(client: TestClient, fields: dict[str, Any], separators: tuple[str, str]) -> tuple[int, bytes]:
    body = json.dumps(fields, separators=separators)
    answer = client.post("/predict/batch", content=body, headers={"content-type": "application/json"})
    return answer.status_code, answer.content


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"user_ids": ["nobody", *MANY[1:]]}, 404),
        ({"user_ids": ["nobody", *MANY[1:]], "on_unknown": "fallback"}, 200),
        ({"user_ids": ["a b", *MANY[1:]]}, 404),
        ({"user_ids": [" a", *MANY[1:]]}, 422),
        ({"user_ids": [*MANY[1:], ""]}, 422),
        ({"user_ids": ["x" * 41, *MANY[1:]]}, 422),
        ({"user_ids": MANY[1:]}, 422),
        ({"user_ids": MANY * 2}, 413),
        ({"model": "nope"}, 404),
        ({"extra": "1"}, 422),
    ],
)
def test_the_answer_is_the_same_either_way(roomy: TestClient, changes: dict[str, Any], status: int) -> None:
    fields = {"user_ids": MANY, "movie_ids": [f"movie_{i % 4 + 1}" for i in range(len(MANY))], **changes}
    found, parsed = (_post(roomy, fields, separators) for separators in ((",", ":"), (" , ", ":")))
    assert found == parsed
    assert found[0] == status


def test_byte_order_mark_before_long_lists_is_ignored(roomy: TestClient) -> None:
    fields = {"user_ids": MANY, "movie_ids": [f"movie_{i % 4 + 1}" for i in range(len(MANY))]}
    body = json.dumps(fields)
    found = parse_columns(body.encode("utf-8-sig"))
    assert found is not None
    assert {name: list(value) for name, value in found.items()} == fields  # type: ignore[call-overload]
    headers = {"content-type": "application/json"}
    marked = roomy.post("/predict/batch", content=body.encode("utf-8-sig"), headers=headers)
    assert (marked.status_code, marked.content) == _post(roomy, fields, SEPARATORS[1])
