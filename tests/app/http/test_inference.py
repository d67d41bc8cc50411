"""Tensors of the Open Inference Protocol: read, written, and refused if they are malformed."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st

URL = "/v2/models/half/infer"
LENGTH = "inference-header-content-length"
USERS, MOVIES = ["user_1", "user_2", "user_3", "user_1"], ["movie_1", "movie_4", "movie_2", "movie_3"]
RATINGS = [0.0, 1.25, 1.25, 0.5]
# What the limits of the client fixture allow (tests/app/conftest.py).
MAX_BATCH, MAX_ID = 20, 40


def tensor(name: str, ids: Sequence[object], datatype: str = "BYTES", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": [len(ids)], "datatype": datatype, "data": list(ids), **more}


def inputs(users: Sequence[object] = USERS, movies: Sequence[object] = MOVIES) -> list[dict[str, Any]]:
    return [tensor("user_id", users), tensor("movie_id", movies)]


def packed(ids: Sequence[str | bytes]) -> bytes:
    """Return a binary BYTES tensor."""
    encoded = [one if isinstance(one, bytes) else one.encode() for one in ids]
    return b"".join(struct.pack("<I", len(one)) + one for one in encoded)


def binary(name: str, content: bytes, shape: Sequence[int], datatype: str = "BYTES") -> dict[str, Any]:
    """Return the description of a binary tensor."""
    parameters = {"binary_data_size": len(content)}
    return {"name": name, "shape": shape, "datatype": datatype, "parameters": parameters}


def post_json(client: TestClient, fields: Mapping[str, Any]) -> Response:
    return client.post(URL, json=fields)


def post_binary(
    client: TestClient, described: Mapping[str, Any], tail: bytes, length: int | str | None = None
) -> Response:
    head = json.dumps(described).encode()
    headers = {LENGTH: str(len(head) if length is None else length)}
    return client.post(URL, content=head + tail, headers=headers)


def post_texts(client: TestClient, users: bytes, movies: bytes, shape: Sequence[int]) -> Response:
    described = [binary("user_id", users, shape), binary("movie_id", movies, shape)]
    return post_binary(client, {"inputs": described}, users + movies)


def data(answer: Response) -> dict[str, list[Any]]:
    """Return the outputs in the JSON of a response by name."""
    assert answer.status_code == 200, answer.text
    return {output["name"]: output["data"] for output in answer.json()["outputs"]}


def refusal(answer: Response, status: int = 400) -> str:
    """Assert that a request was refused in the shape of the protocol, and return the text."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"error"}
    text: str = answer.json()["error"]
    assert len(text) < 500
    return text


def test_json_tensors_have_the_ratings_of_a_batch(client: TestClient) -> None:
    answer = post_json(client, {"id": "42", "inputs": inputs()})
    known = [True] * 4
    assert answer.json() == {
        "model_name": "half",
        "id": "42",
        "outputs": [
            {"name": "rating", "datatype": "FP32", "shape": [4], "data": RATINGS},
            {"name": "known_user", "datatype": "BOOL", "shape": [4], "data": known},
            {"name": "known_movie", "datatype": "BOOL", "shape": [4], "data": known},
        ],
    }
    batch = {"user_ids": USERS, "movie_ids": MOVIES, "model": "half"}
    assert client.post("/predict/batch", json=batch).json()["ratings"] == RATINGS


def numbers(ids: Sequence[str]) -> list[int]:
    return [int(one.split("_")[1]) for one in ids]


@pytest.mark.parametrize("is_text", [True, False])
@pytest.mark.parametrize("shape", [[4], [4, 1]])
def test_binary_tensors_have_the_same_ratings(client: TestClient, is_text: bool, shape: list[int]) -> None:
    kind = "BYTES" if is_text else "INT64"
    users, movies = (
        packed(ids) if is_text else np.array(numbers(ids), "<i8").tobytes() for ids in (USERS, MOVIES)
    )
    described = {
        "inputs": [binary("movie_id", movies, shape, kind), binary("user_id", users, shape, kind)],
        "outputs": [{"name": "known_movie"}, {"name": "rating", "parameters": {"binary_data": True}}],
    }
    answer = post_binary(client, described, movies + users)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers[LENGTH])
    assert json.loads(answer.content[:length])["outputs"] == [
        {"name": "known_movie", "datatype": "BOOL", "shape": shape, "data": [True] * 4},
        {"name": "rating", "datatype": "FP32", "shape": shape, "parameters": {"binary_data_size": 16}},
    ]
    assert np.frombuffer(answer.content[length:], "<f4").tolist() == RATINGS


def test_one_tensor_may_be_binary_and_the_other_json(client: TestClient) -> None:
    users = packed(USERS)
    described = [binary("user_id", users, [4]), tensor("movie_id", numbers(MOVIES), "INT64")]
    assert data(post_binary(client, {"inputs": described}, users))["rating"] == RATINGS


def test_values_may_be_nested_as_their_shape(client: TestClient) -> None:
    nested = [{**one, "shape": [4, 1], "data": [[value] for value in one["data"]]} for one in inputs()]
    assert data(post_json(client, {"inputs": nested}))["rating"] == RATINGS


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream", None])
def test_content_type_may_be_that_of_json_or_bytes_or_absent(
    client: TestClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    body = json.dumps({"inputs": inputs()}).encode()
    assert data(client.post(URL, content=body, headers=headers))["rating"] == RATINGS


def test_other_types_and_compressed_bodies_are_refused(client: TestClient) -> None:
    body = json.dumps({"inputs": inputs()}).encode()
    for headers in (
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-encoding": "gzip"},
        [("content-type", "application/json"), ("content-type", "application/json")],
    ):
        text = refusal(client.post(URL, content=body, headers=headers), 415)
        assert text.startswith("wrong_content_type: ")


def test_cold_ids_are_refused_or_flagged(client: TestClient) -> None:
    cold = {"inputs": inputs(["user_1", "Ørsted", "user_2"], ["movie_1", "movie_1", "movie_5"])}
    text = refusal(post_json(client, cold), 404)
    assert text.startswith("unknown_user: 2 of 3 pairs") and "'Ørsted'" in text
    found = data(post_json(client, {**cold, "parameters": {"on_unknown": "fallback"}}))
    assert found["rating"] == [0.0, 2.0, 2.5]
    assert found["known_user"] == [True, False, True]
    assert found["known_movie"] == [True, True, False]


def test_parameters_of_other_servers_are_ignored_and_unknown_fields_refused(client: TestClient) -> None:
    foreign = {"priority": 1, "content_type": "str"}
    tensors = [{**one, "parameters": foreign} for one in inputs()]
    assert post_json(client, {"inputs": tensors, "parameters": foreign}).status_code == 200
    assert post_json(client, {"inputs": tensors, "model_name": "half"}).status_code == 200
    text = refusal(post_json(client, {"inputs": tensors, "model": "half"}))
    assert text == "invalid_request: model: is not a known field"


def test_empty_tensors_get_empty_outputs(client: TestClient) -> None:
    assert data(post_json(client, {"inputs": inputs([], [])})) == {
        "rating": [],
        "known_user": [],
        "known_movie": [],
    }
    assert data(post_texts(client, b"", b"", [0]))["rating"] == []
    assert refusal(post_texts(client, b"\0\0\0\0", b"", [0])).startswith("unreadable_body: ")


def test_texts_of_every_length_and_script_are_read(client: TestClient) -> None:
    for users in (["x" * MAX_ID, "user_2"], ["Ørsted", "user_2"], ["Ω" * MAX_ID, "3"], ["\u20ac", "x"]):
        fields = {"parameters": {"on_unknown": "fallback"}, "inputs": inputs(users, MOVIES[:2])}
        expected = data(post_json(client, fields))
        parts = packed(users), packed(MOVIES[:2])
        described = [binary("user_id", parts[0], [2]), binary("movie_id", parts[1], [2])]
        assert data(post_binary(client, {**fields, "inputs": described}, b"".join(parts))) == expected
        assert expected["known_user"] == [False, users[1] != "x"]


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("", "user_id.1: is empty"),
        (" a", "user_id.1: has leading or trailing blanks"),
        ("a\0b", "user_id.1: contains a control character"),
        ("a\nb", "user_id.1: contains a control character"),
        ("x" * (MAX_ID + 1), "user_id.1: has more than 40 characters"),
        ("x" * 300, "user_id.1: has more than 40 characters"),
    ],
)
def test_invalid_text_is_refused(client: TestClient, user: str, said: str) -> None:
    users = ["user_1", user]
    for answer in (
        post_json(client, {"inputs": inputs(users, MOVIES[:2])}),
        post_texts(client, packed(users), packed(MOVIES[:2]), [2]),
    ):
        assert refusal(answer) == f"invalid_request: {said}"


def test_text_that_is_not_utf8_is_refused(client: TestClient) -> None:
    answer = post_texts(client, packed([b"user_1", b"\xff"]), packed(MOVIES[:2]), [2])
    assert refusal(answer) == "invalid_request: user_id.1: is not UTF-8"


@pytest.mark.parametrize(
    ("ids", "datatype", "said"),
    [
        ([1, -1], "INT64", "user_id.1: must not be negative"),
        ([1, 2**63], "INT64", "user_id.1: must not be negative or above"),
        ([1, True], "INT64", "user_id.1: must be a whole number"),
        ([1, 1.0], "INT64", "user_id.1: must be a whole number"),
        (["1", "2"], "INT64", "user_id.0: must be a whole number"),
        ([1, 2], "BYTES", "user_id.0: must be a string"),
        (["1", None], "BYTES", "user_id.1: must be a string"),
        (["1", ["2"]], "BYTES", "user_id.1: must be a string"),
        ([["1"], ["2"]], "BYTES", "user_id.0: must be a string"),
        (["1", {}], "BYTES", "user_id.1: must be a string"),
        (["1"], "BYTES", "user_id: data has 1 ids, and the shape [2]"),
        ([1, 2, 3], "INT64", "user_id: data has 3 ids, and the shape [2]"),
        ("12", "BYTES", "user_id: data must be a list of ids"),
        ({"0": 1}, "BYTES", "user_id: data must be a list of ids"),
    ],
)
def test_values_of_another_kind_or_number_are_refused(
    client: TestClient, ids: Any, datatype: str, said: str
) -> None:
    users = {"name": "user_id", "shape": [2], "datatype": datatype, "data": ids}
    answer = post_json(client, {"inputs": [users, tensor("movie_id", MOVIES[:2])]})
    assert refusal(answer).startswith(f"invalid_request: {said}")


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [-1]},
        {"shape": [2, 2]},
        {"shape": [2, 1, 1]},
        {"shape": []},
        {"shape": 2},
        {"shape": [2.0]},
        {"shape": [True]},
        {"shape": ["2"]},
        {"shape": [2**63]},
        {"shape": [10**300]},
        {"shape": [2, 0]},
        {"shape": [2, -1]},
        {"shape": [1, 2]},
        {"datatype": "INT32"},
        {"datatype": "bytes"},
        {"name": "movie_id"},
        {"name": "user"},
        {"data": None},
        {"parameters": {"binary_data_size": 8}},
        {"parameters": {"binary_data_size": -8}},
        {"parameters": None},
        {"more": 1},
    ],
)
def test_invalid_tensor_is_refused(client: TestClient, change: dict[str, Any]) -> None:
    users, movies = inputs(USERS[:2], MOVIES[:2])
    for one, other in (
        (users | change, movies),
        (users | change, {**movies, "shape": change.get("shape", [2])}),
    ):
        assert refusal(post_json(client, {"inputs": [one, other]})).startswith("invalid_request: ")


def test_missing_parts_of_a_request_are_refused(client: TestClient) -> None:
    whole = inputs()
    for part in ("name", "shape", "datatype", "data"):
        users = {name: value for name, value in whole[0].items() if name != part}
        assert refusal(post_json(client, {"inputs": [users, whole[1]]})).startswith("invalid_request: ")
    bodies: list[Any] = [{}, []]
    bodies += [{"inputs": one} for one in (whole[:1], [*whole, whole[0]], None)]
    for fields in bodies:
        assert refusal(client.post(URL, json=fields)).startswith("invalid_request: ")
    for outputs in ([], [{"name": "cold"}], [{"name": "rating"}] * 2, [{"name": "rating", "more": 1}], None):
        assert refusal(post_json(client, {"inputs": whole, "outputs": outputs})).startswith("invalid_request")
    for body in (b"", b"{", b"\xff", b'{"inputs": [], "inputs": []}', b'{"inputs": NaN}'):
        assert refusal(client.post(URL, content=body)).startswith("unreadable_body: ")


def test_more_pairs_than_the_limit_are_refused_before_their_values_are_read(client: TestClient) -> None:
    for shape in ([MAX_BATCH + 1], [2**63 - 1], [2**62, 1]):
        described = [{**one, "shape": shape} for one in inputs()]
        assert refusal(post_json(client, {"inputs": described}), 413).startswith("too_many_pairs: ")
        assert refusal(post_texts(client, packed(USERS), packed(MOVIES), shape), 413)
    assert refusal(client.post(URL, content=b" " * 100_001), 413).startswith("body_too_large: ")


@pytest.mark.parametrize("length", ["-1", "+9", "1_0", "9.0", "x", "", "9" * 30, "0", "3", "100000"])
def test_wrong_length_of_the_json_is_refused(client: TestClient, length: str) -> None:
    users, movies = packed(USERS), packed(MOVIES)
    described = {"inputs": [binary("user_id", users, [4]), binary("movie_id", movies, [4])]}
    refusal(post_binary(client, described, users + movies, length))


def test_missing_and_left_over_bytes_are_refused(client: TestClient) -> None:
    users, movies = packed(USERS), packed(MOVIES)
    described = {"inputs": [binary("user_id", users, [4]), binary("movie_id", movies, [4])]}
    tail = users + movies
    assert refusal(post_binary(client, described, tail[:-1])) == (
        "unreadable_body: the body ends before the binary data of movie_id"
    )
    assert refusal(post_binary(client, described, tail + b"\0")) == (
        "unreadable_body: the body has 1 bytes that belong to no tensor"
    )
    assert refusal(post_binary(client, {"inputs": inputs()}, b"\0")).startswith("unreadable_body: ")
    huge = [{**one, "parameters": {"binary_data_size": 2**63 - 1}} for one in described["inputs"]]
    assert refusal(post_binary(client, {"inputs": huge}, tail)).startswith("unreadable_body: ")
    # Without the header, the whole body is JSON.
    head = json.dumps(described).encode()
    assert refusal(client.post(URL, content=head)).startswith("unreadable_body: ")
    assert refusal(client.post(URL, content=head + tail)).startswith("unreadable_body: ")


@pytest.mark.parametrize("size", [0, 8, 23, 25, 32])
def test_numbers_of_another_size_than_the_shape_are_refused(client: TestClient, size: int) -> None:
    content = b"\x01" + b"\0" * (size - 1) if size else b""
    movies = packed(MOVIES[:3])
    described = [binary("user_id", content, [3], "INT64"), binary("movie_id", movies, [3])]
    assert refusal(post_binary(client, {"inputs": described}, content + movies)) == (
        "unreadable_body: the binary data of user_id is not a INT64 tensor of shape [3]"
    )


def test_negative_number_in_a_binary_tensor_is_refused(client: TestClient) -> None:
    content, movies = np.array([1, 2, -3], "<i8").tobytes(), packed(MOVIES[:3])
    described = [binary("user_id", content, [3], "INT64"), binary("movie_id", movies, [3])]
    text = refusal(post_binary(client, {"inputs": described}, content + movies))
    assert text.startswith("invalid_request: user_id.2: must not be negative")


@pytest.mark.parametrize(
    "lengths",
    [(7, 6), (6, 5), (6, 2**32 - 1), (2**31, 6), (0, 6), (16, 6), (256, 6), (6, 2**24), (255, 255)],
)
def test_lying_lengths_of_texts_are_refused(client: TestClient, lengths: tuple[int, int]) -> None:
    users = b"".join(struct.pack("<I", length) + b"user_1" for length in lengths)
    assert refusal(post_texts(client, users, packed(MOVIES[:2]), [2])) == (
        "unreadable_body: the binary data of user_id is not a BYTES tensor of shape [2]"
    )


IDS = st.lists(st.sampled_from([*USERS, "user_4", "7", "Ø", "x" * 39]), max_size=MAX_BATCH)


@given(IDS)
def test_binary_and_json_texts_have_the_same_outputs(client: TestClient, users: list[str]) -> None:
    movies = (MOVIES * MAX_BATCH)[: len(users)]
    fields = {"parameters": {"on_unknown": "fallback"}, "inputs": inputs(users, movies)}
    parts = packed(users), packed(movies)
    shape = [len(users)]
    described = [binary("user_id", parts[0], shape), binary("movie_id", parts[1], shape)]
    answer = post_binary(client, {**fields, "inputs": described}, b"".join(parts))
    assert data(answer) == data(post_json(client, fields))


SOUND = packed(USERS)
TEXTS = st.one_of(
    st.binary(max_size=60),
    # Bytes changed, left out or added.
    st.builds(
        lambda start, end, middle: SOUND[:start] + middle + SOUND[end:],
        st.integers(0, len(SOUND)),
        st.integers(0, len(SOUND)),
        st.binary(max_size=9),
    ),
    # Elements whose lengths are not their own.
    st.lists(
        st.tuples(st.one_of(st.integers(0, 12), st.integers(0, 2**32 - 1)), st.binary(max_size=8)), max_size=5
    ).map(lambda pairs: b"".join(struct.pack("<I", length) + text for length, text in pairs)),
)
SIZES = st.one_of(st.integers(0, 25), st.integers(-(2**70), 2**70))


@given(TEXTS, st.lists(SIZES, max_size=3), st.sampled_from(["BYTES", "INT64"]), st.none() | SIZES)
def test_malformed_binary_tensor_is_refused_in_the_shape_of_the_protocol(
    client: TestClient, content: bytes, shape: list[int], datatype: str, size: int | None
) -> None:
    users, movies = binary("user_id", content, shape, datatype), binary("movie_id", content, shape, datatype)
    if size is not None:
        users["parameters"]["binary_data_size"] = size
    fields = {"inputs": [users, movies], "parameters": {"on_unknown": "fallback"}}
    answer = post_binary(client, fields, content * 2)
    if answer.status_code == 200:
        # Then it was not malformed.
        assert len(data(answer)["rating"]) == shape[0]
        assert datatype == "INT64" or content == packed(_elements(content))
    else:
        assert refusal(answer, 413 if answer.status_code == 413 else 400)


def _elements(content: bytes) -> list[bytes]:
    found = []
    while content:
        end = 4 + int.from_bytes(content[:4], "little")
        found.append(content[4:end])
        content = content[end:]
    return found


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["name", "shape", "datatype", "data", "parameters", "inputs", "outputs", "id"])


@given(FIELDS, VALUES)
def test_any_value_of_a_field_gets_a_response(client: TestClient, field: str, value: object) -> None:
    fields: dict[str, Any] = {"inputs": inputs(), "outputs": [{"name": "rating"}]}
    (fields if field in ("inputs", "outputs", "id") else fields["inputs"][0])[field] = value
    answer = post_json(client, fields)
    if answer.status_code != 200:
        assert refusal(answer, answer.status_code) and answer.status_code in (400, 404, 413)
