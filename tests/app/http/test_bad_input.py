"""Invalid ids, bodies and queries result in a 4xx problem without long values of the request."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.contract.ids import ID_SCHEMA, check_id
from app.http.strict_json import LARGE_BYTES
from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry
from tests.app.problems import assert_problem

JSON = {"content-type": "application/json"}
PAIR = '"user_id": 1, "movie_id": 1'
# Without and with a byte order mark.
FORMS = ("utf-8", "utf-8-sig")

NO_IDS: list[Any] = [
    *(True, False, None, 1.5, 1.0, -1, 2**63, 10**30, [], [1], {}, {"a": 1}),
    *(
        "",
        " ",
        " user_1",
        "user_1 ",
        "\tuser_1",
        "user_1\n",
        "\u00a0user_1",
        "a\x00b",
        "a\x7f",
        "a\u2028b",
        "x" * 41,
    ),
]


@pytest.mark.parametrize("no_id", NO_IDS)
@pytest.mark.parametrize("side", ["user_id", "movie_id"])
def test_invalid_id_returns_422_for_every_operation(client: TestClient, side: str, no_id: Any) -> None:
    pair = {"user_id": 1, "movie_id": 1, side: no_id}
    columns = {"user_ids": [1, pair["user_id"]], "movie_ids": [1, pair["movie_id"]]}
    for call, body, loc in [
        ("/predict", pair, [side]),
        ("/predict/batch", columns, [f"{side}s", 1]),
        ("/compare", {"pairs": [pair]}, ["pairs", 0, side]),
    ]:
        problem = assert_problem(client.post(call, json=body), 422, "invalid_request")
        assert problem["errors"][0]["loc"] == loc
    if isinstance(no_id, str):
        for call in ("/predict", "/compare"):
            assert_problem(client.get(call, params=pair), 422, "invalid_request")


edges = st.sampled_from(
    [" ", "\xa0", "\u2003", "\u3000", "\ufeff", "\x1f", "\x85", "\u2028", "\u0301", "é", "a"]
)


@given(text=st.text(max_size=8) | st.lists(edges, max_size=4).map("".join))
def test_the_document_states_the_rule_for_ids(text: str) -> None:
    stated = ID_SCHEMA["anyOf"][0]
    legal = len(text) >= stated["minLength"] and re.fullmatch(stated["pattern"], text) is not None
    try:
        check_id(text)
    except ValueError:
        assert not legal
    else:
        assert legal


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "unreadable_body"),
        (b"{", 400, "unreadable_body"),
        (f"{{{PAIR}}} x".encode(), 400, "unreadable_body"),
        (f"{{{PAIR}, }}".encode(), 400, "unreadable_body"),
        (f'{{{PAIR}, "user_id": 2}}'.encode(), 400, "unreadable_body"),
        (b'{"user_id": NaN, "movie_id": 1}', 400, "unreadable_body"),
        (b'{"user_id": -Infinity, "movie_id": 1}', 400, "unreadable_body"),
        (b'{"user_id": 1e999, "movie_id": 1}', 400, "unreadable_body"),
        (b'{"user_id": ' + b"9" * 5000 + b', "movie_id": 1}', 400, "unreadable_body"),
        (b'{"user_id": "\xff", "movie_id": 1}', 400, "unreadable_body"),
        (b'{"user_id": "\\ud800", "movie_id": 1}', 400, "unreadable_body"),
        (b"\xef\xbb\xbf" * 2 + b"{" + PAIR.encode() + b"}", 400, "unreadable_body"),
        (b"\xef\xbb\xbf", 400, "unreadable_body"),
        (f"{{{PAIR}}}".encode("utf-16"), 400, "unreadable_body"),
        (b"[" * 50_000, 400, "unreadable_body"),
        (b'{"a":' * 10_000, 400, "unreadable_body"),
        (b"null", 422, "invalid_request"),
        (b"[1, 2]", 422, "invalid_request"),
        (b'"user_1"', 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (f'{{{PAIR}, "extra": 1}}'.encode(), 422, "invalid_request"),
        (f'{{{PAIR}, "model": null}}'.encode(), 422, "invalid_request"),
        (f'{{{PAIR}, "model": 7}}'.encode(), 422, "invalid_request"),
        (f'{{{PAIR}, "on_unknown": "Fallback"}}'.encode(), 422, "invalid_request"),
        (f'{{{PAIR}, "model": ""}}'.encode(), 404, "unknown_model"),
        (f'{{{PAIR}, "model": "{"é" * 20_000}"}}'.encode(), 404, "unknown_model"),
        (json.dumps({f"field {number}": 1 for number in range(5000)}).encode(), 422, "invalid_request"),
        (json.dumps({"x" * 30_000: 1, "y" * 30_000: 1}).encode(), 422, "invalid_request"),
        (b" " * 100_001, 413, "body_too_large"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_bad_body(client: TestClient, body: bytes, status: int, code: str) -> None:
    assert_problem(client.post("/predict", content=body, headers=JSON), status, code)


@pytest.mark.parametrize("rest", ["", ', "on_unknown": "\\u0065rror"', " " * 3000])
def test_byte_order_mark_before_a_body_is_ignored(client: TestClient, rest: str) -> None:
    for call, body in [
        ("/predict", f"{{{PAIR}{rest}}}"),
        ("/predict/batch", f'{{"user_ids": [1], "movie_ids": [1]{rest}}}'),
        ("/compare", '{"pairs": [{"user_id": 1, "movie_id": 1}]}'),
        ("/recommend", '{"user_id": 1}'),
    ]:
        plain, marked = (client.post(call, content=body.encode(form), headers=JSON) for form in FORMS)
        assert marked.status_code == 200
        assert marked.content == plain.content


def test_chunked_body_is_counted_while_it_arrives(client: TestClient) -> None:
    response = client.post("/predict", content=iter([b" " * 60_000] * 2), headers=JSON)
    assert assert_problem(response, 413, "body_too_large")["limit"] == 100_000


def wide(count: int) -> Iterator[tuple[bytes, int]]:
    """Return bodies from which a parser creates about `count` objects, and the expected problems."""
    yield b'{"user_ids":[' + b"[]," * count + b'1],"movie_ids":[]}', 422
    yield b'{"user_ids":[' + b'{"a":{}},' * (count // 2) + b'1],"movie_ids":[]}', 413
    yield b"{" + b",".join(b'"%d":1' % number for number in range(count // 2)) + b"}", 422
    yield b'{"\\ud83c\\udf89":[' + b"[]," * count + b"1]}", 422


@pytest.fixture(scope="module")
def roomy() -> Iterator[TestClient]:
    app = create_app(Settings(max_batch=20_000), fake_registry())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def allocated(work: Callable[[], object]) -> int:
    """Return the peak memory of Python objects in bytes while `work` runs."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("call", ["/predict", "/predict/batch", "/compare"])
@pytest.mark.parametrize("kind", range(4))
def test_body_with_many_brackets_is_refused_before_parsing(roomy: TestClient, call: str, kind: int) -> None:
    body, status = list(wide(150_000))[kind]
    parsed = allocated(lambda: json.loads(body))
    responses = []
    refused = allocated(lambda: responses.append(roomy.post(call, content=body, headers=JSON)))
    assert refused < parsed / 2
    assert_problem(responses[0], status, "invalid_request" if status == 422 else "too_many_pairs")


def test_large_valid_body_with_brackets_in_ids_is_accepted(roomy: TestClient) -> None:
    odd = '[{":,\\"\\\\[' * 2
    pairs = [{"user_id": f"{odd}{number}", "movie_id": 1, "rating": 3.5} for number in range(20_000)]
    body = json.dumps({"pairs": pairs, "models": ["baseline"]})
    assert len(body) > LARGE_BYTES
    assert roomy.post("/compare", content=body, headers=JSON).status_code == 200
    columns = {"user_ids": [pair["user_id"] for pair in pairs], "movie_ids": [1] * 20_000}
    answer = roomy.post("/predict/batch", json={**columns, "on_unknown": "fallback"})
    assert len(answer.json()["ratings"]) == 20_000
    one_more = json.dumps({"pairs": [*pairs, pairs[0]]})
    problem = assert_problem(roomy.post("/compare", content=one_more, headers=JSON), 413, "too_many_pairs")
    assert "20001 pairs" in problem["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/vnd.api+json"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        [
            *(("content-type", "application/json"), ("content-encoding", "identity")),
            ("content-encoding", "gzip"),
        ],
        # Numbered parts of a parameter: a number that is too large, and a part without a number.
        {"content-type": f"application/json; charset*{'9' * 4301}=x"},
        {"content-type": "application/json; charset*0=utf-8; charset*=x"},
    ],
)
def test_other_content_is_415(client: TestClient, headers: dict[str, str] | list[tuple[str, str]]) -> None:
    response = client.post("/predict", content=f"{{{PAIR}}}".encode(), headers=headers)
    assert_problem(response, 415, "wrong_content_type")


def test_a_long_content_type_is_415(client: TestClient) -> None:
    headers = {"content-type": f'application/json; a="{";" * 64_000}'}
    response = client.post("/predict", content=f"{{{PAIR}}}".encode(), headers=headers)
    assert_problem(response, 415, "wrong_content_type")


@pytest.mark.long
def test_long_content_type_returns_415_quickly(client: TestClient) -> None:
    start = time.process_time()
    test_a_long_content_type_is_415(client)
    assert time.process_time() - start < 0.5


@given(
    rest=st.lists(st.sampled_from(["charset", "*", "0", "=", ";", '"', "'", "%", "utf-8", "é"])).map("".join)
)
def test_no_content_type_makes_a_server_error(client: TestClient, rest: str) -> None:
    content_type = f"application/json; {rest}".encode("latin-1")
    response = client.post(
        "/predict", content=f"{{{PAIR}}}".encode(), headers={b"content-type": content_type}
    )
    assert response.status_code in (200, 415)


@pytest.mark.parametrize(
    "value", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_content_type_is_parsed_case_insensitively_with_parameters(client: TestClient, value: str) -> None:
    response = client.post("/predict", content=f"{{{PAIR}}}".encode(), headers={"content-type": value})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/predict",
        "/predict?user_id=1",
        "/predict?user_id=1&movie_id=1&extra=1",
        "/predict?user_id=1&user_id=1&movie_id=1",
        "/predict?user_id=%ff&movie_id=1",
        "/predict?user_id=%ED%A0%80&movie_id=1",
        "/predict?user_id=+1&movie_id=1",
        "/predict?user_id=&movie_id=1",
        "/predict?user_id=1;movie_id=1",
        "/predict?user_id=1&movie_id=1&on_unknown=",
        "/predict?" + "&".join(f"a{number}=1" for number in range(101)),
        "/compare?user_id=1",
        "/compare?movie_id=1",
        "/compare?model=baseline",
        "/models?extra=1",
        "/models/baseline?extra=1",
    ],
)
def test_bad_query_is_422(client: TestClient, address: str) -> None:
    assert_problem(client.get(address), 422, "invalid_request")


@pytest.mark.parametrize(
    ("call", "body", "loc"),
    [
        ("/predict", {"user_id": 1, "movie_id": 1, "model": 7}, ["model"]),
        ("/predict", {"user_id": 1, "movie_id": 1, "model": None}, ["model"]),
        ("/predict", {"user_id": 1, "movie_id": 1, "extra": 1}, ["extra"]),
        ("/predict/batch", {"user_ids": [1], "movie_ids": 1}, ["movie_ids"]),
        ("/compare", {"pairs": [{"user_id": 1, "movie_id": 1, "rating": 9}]}, ["pairs", 0, "rating"]),
        ("/compare", {"pairs": [], "models": ["baseline", 7]}, ["models", 1]),
        ("/recommend", {"user_id": 1, "exclude": [1, -1]}, ["exclude", 1]),
    ],
)
def test_error_location_is_the_path_of_the_field(
    client: TestClient, call: str, body: dict[str, Any], loc: list[str | int]
) -> None:
    problem = assert_problem(client.post(call, json=body), 422, "invalid_request")
    assert [error["loc"] for error in problem["errors"]] == [loc]


def test_non_latin_id_in_a_query_is_decoded(client: TestClient) -> None:
    body = assert_problem(
        client.get("/predict", params={"user_id": "Ørsted", "movie_id": 1}), 404, "unknown_user"
    )
    assert body["user_id"] == "Ørsted"


@pytest.mark.parametrize("call", ["/predict", "/predict/batch", "/compare"])
def test_post_takes_no_query(client: TestClient, call: str) -> None:
    assert_problem(client.post(f"{call}?model=baseline", json={}), 422, "invalid_request")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["user_id", "movie_id", "model", "on_unknown", "user_ids", "movie_ids", "pairs", "models"]
)


@given(
    body=st.dictionaries(fields, json_values),
    call=st.sampled_from(["/predict", "/predict/batch", "/compare"]),
)
def test_no_json_makes_a_server_error(client: TestClient, body: Any, call: str) -> None:
    response = client.post(call, json=body)
    assert response.status_code in (200, 404, 413, 422)
    if response.status_code != 200:
        assert_problem(response, response.status_code, response.json()["code"])


@given(body=st.binary(max_size=200))
def test_no_bytes_make_a_server_error(client: TestClient, body: bytes) -> None:
    response = client.post("/predict/batch", content=body, headers=JSON)
    assert response.status_code in (400, 422)
    assert_problem(response, response.status_code, response.json()["code"])
