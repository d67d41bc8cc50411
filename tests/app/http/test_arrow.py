"""`/predict/batch` with Arrow streams: the same ratings and problems as with JSON."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from tests.app.problems import assert_problem
from tests.golden.renew import RATINGS, ratings_stream

ARROW = {"content-type": "application/vnd.apache.arrow.stream"}


def stream(
    users: Any, movies: Any, names: tuple[str, str] = ("user_id", "movie_id"), **options: Any
) -> bytes:
    table = pa.table({names[0]: users, names[1]: movies})
    batch_rows = options.pop("batch_rows", None)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return out.getvalue()


def post(client: TestClient, body: bytes, **query: str) -> Any:
    return client.post("/predict/batch", content=body, headers=ARROW, params=query)


USERS, MOVIES = ["user_1", "user_2", "user_3", "user_1"], ["movie_1", "movie_4", "movie_2", "movie_3"]


@pytest.mark.parametrize("kind", [pa.utf8(), pa.large_utf8(), pa.int64(), pa.uint8(), pa.int32()])
@pytest.mark.parametrize("batch_rows", [None, 1, 3])
def test_stream_has_the_same_ratings_as_json(
    client: TestClient, kind: pa.DataType, batch_rows: int | None
) -> None:
    def column(ids: list[str]) -> pa.Array:
        if pa.types.is_integer(kind):
            return pa.array([int(one.split("_")[1]) for one in ids], kind)
        return pa.array(ids, kind)

    answer = post(client, stream(column(USERS), column(MOVIES), batch_rows=batch_rows), model="half")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == ARROW["content-type"]
    table = pa.ipc.open_stream(answer.content).read_all()
    assert [(field.name, field.type) for field in table.schema] == [
        ("rating", pa.float32()),
        ("known_user", pa.bool_()),
        ("known_movie", pa.bool_()),
    ]
    json = {"user_ids": USERS, "movie_ids": MOVIES, "model": "half"}
    assert table["rating"].to_pylist() == client.post("/predict/batch", json=json).json()["ratings"]
    assert set(table["known_user"].to_pylist() + table["known_movie"].to_pylist()) == {True}


def test_stream_without_other_columns_is_the_same_to_the_byte() -> None:
    assert ratings_stream() == RATINGS.read_bytes()


def test_columns_in_another_order_and_sliced_arrays(client: TestClient) -> None:
    movies, users = pa.array(["x", *MOVIES])[1:], pa.array(["é", *USERS])[1:]
    answer = post(client, stream(movies, users, ("movie_id", "user_id")))
    assert pa.ipc.open_stream(answer.content).read_all()["rating"].to_pylist() == [0.0, 1.75, 2.25, 0.5]


def test_cold_rows_are_refused_or_flagged(client: TestClient) -> None:
    body = stream(["user_1", "Ørsted", "user_2"], ["movie_1", "movie_1", "movie_5"], batch_rows=1)
    problem = assert_problem(post(client, body), 404, "unknown_user")
    assert (problem["user_id"], problem["positions"]) == ("Ørsted", [1])
    answer = post(client, body, on_unknown="fallback")
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table["known_user"].to_pylist() == [True, False, True]
    assert table["known_movie"].to_pylist() == [True, True, False]
    assert table["rating"].to_pylist() == [0.0, 2.0, 2.5]


def test_stream_without_rows_returns_no_ratings(client: TestClient) -> None:
    for body in (stream(pa.array([], pa.utf8()), pa.array([], pa.utf8())), stream([], [], batch_rows=1)[:0]):
        if body:
            assert pa.ipc.open_stream(post(client, body).content).read_all().num_rows == 0


@pytest.mark.parametrize(
    ("users", "options", "status", "code"),
    [
        (pa.array(["user_1"] * 4), {"compression": "zstd"}, 400, "unreadable_body"),
        (pa.array(["user_1"] * 4), {"compression": "lz4"}, 400, "unreadable_body"),
        (pa.array([1.0] * 4), {}, 422, "invalid_request"),
        (pa.array([True] * 4), {}, 422, "invalid_request"),
        (pa.array([[1]] * 4), {}, 422, "invalid_request"),
        (pa.array([1, None, 1, 1]), {}, 422, "invalid_request"),
        (pa.array(["a", None, "a", "a"]), {}, 422, "invalid_request"),
        (pa.array([1, -1, 1, 1]), {}, 422, "invalid_request"),
        (pa.array([1, 2**63, 1, 1], pa.uint64()), {}, 422, "invalid_request"),
        (pa.array(["user_1", " a", "a", "a"]), {}, 422, "invalid_request"),
        (pa.array(["user_1", "", "a", "a"]), {}, 422, "invalid_request"),
        (pa.array(["user_1", "x" * 41, "a", "a"]), {}, 422, "invalid_request"),
        (pa.array(["user_1", "a\u2028", "a", "a"]), {}, 422, "invalid_request"),
    ],
)
def test_invalid_stream_is_refused(
    client: TestClient, users: pa.Array, options: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(post(client, stream(users, MOVIES, **options)), status, code)


def test_dictionaries_are_refused(client: TestClient) -> None:
    users = pa.array(USERS).dictionary_encode()
    assert post(client, stream(users, MOVIES)).status_code in (400, 422)


def test_other_columns_rows_beyond_the_limit_and_bad_options(client: TestClient) -> None:
    assert_problem(post(client, stream(USERS, MOVIES, ("user", "movie_id"))), 422, "invalid_request")
    assert_problem(post(client, stream([1] * 21, [1] * 21)), 413, "too_many_pairs")
    assert_problem(post(client, stream([1], [1]), model="nope"), 404, "unknown_model")
    assert_problem(post(client, stream([1], [1]), extra="1"), 422, "invalid_request")
    assert_problem(post(client, b" " * 100_001), 413, "body_too_large")


SOUND = stream(USERS, MOVIES)


@given(st.integers(0, len(SOUND) - 1), st.integers(0, 255))
def test_stream_with_a_changed_byte_gets_a_response(client: TestClient, place: int, value: int) -> None:
    body = bytearray(SOUND)
    body[place] = value
    response = post(client, bytes(body))
    assert response.status_code in (200, 400, 404, 413, 422)


@given(st.integers(0, len(SOUND)), st.binary(max_size=40))
def test_truncated_stream_gets_a_response(client: TestClient, place: int, more: bytes) -> None:
    assert post(client, SOUND[:place] + more).status_code in (200, 400, 404, 413, 422)
