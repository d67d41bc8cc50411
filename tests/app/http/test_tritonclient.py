"""`tritonclient`, as it is, calls a real server by the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from tests.app.processes import Running, running
from tests.conftest import REPOSITORY

KEY = "a-key-of-twenty-characters"
COUNT = 2000


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A service with the shipped models, which requires a key."""
    with running(REPOSITORY / "models_store", api_keys=KEY, max_batch=COUNT) as server:
        yield server


def key() -> dict[str, str]:
    """Return the headers of a call; the client adds its own to them."""
    return {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def triton(server: Running) -> Iterator[InferenceServerClient]:
    with closing(InferenceServerClient(server.url.removeprefix("http://"))) as client:
        yield client


def numbers(count: int = COUNT) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(1)
    return random.integers(1, 6040, count), np.full(count, 1193)


def texts(prefix: str, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array([f"{prefix}_{number}" for number in ids.tolist()], dtype=object)


def inputs(
    users: np.ndarray[Any, Any], movies: np.ndarray[Any, Any], binary: bool = True
) -> list[InferInput]:
    found = []
    for name, ids in (("user_id", users), ("movie_id", movies)):
        tensor = InferInput(name, ids.shape, "BYTES" if ids.dtype == object else "INT64")
        found.append(tensor.set_data_from_numpy(ids, binary_data=binary))
    return found


def batch(server: Running, users: np.ndarray[Any, Any], movies: np.ndarray[Any, Any]) -> list[float]:
    pairs = {"user_ids": users.ravel().tolist(), "movie_ids": movies.ravel().tolist(), "model": "compact"}
    answer = httpx2.post(f"{server.url}/predict/batch", json=pairs, headers=key(), timeout=60)
    ratings: list[float] = answer.json()["ratings"]
    return ratings


def test_health_and_metadata(triton: InferenceServerClient) -> None:
    assert triton.is_server_live() and triton.is_server_ready()
    assert triton.get_server_metadata(headers=key())["extensions"] == ["binary_tensor_data"]
    assert triton.is_model_ready("compact", headers=key())
    assert not triton.is_model_ready("nope", headers=key())
    about = triton.get_model_metadata("compact", headers=key())
    assert [(one["name"], one["datatype"]) for one in about["inputs"]] == [
        ("user_id", "BYTES"),
        ("movie_id", "BYTES"),
    ]


@pytest.mark.parametrize("binary_inputs", [True, False])
@pytest.mark.parametrize("binary_outputs", [True, False])
@pytest.mark.parametrize("is_text", [True, False])
def test_ratings_equal_those_of_a_batch(
    triton: InferenceServerClient, server: Running, binary_inputs: bool, binary_outputs: bool, is_text: bool
) -> None:
    users, movies = numbers()
    expected = batch(server, users, movies)
    if is_text:
        users, movies = texts("user", users), texts("movie", movies)
    result = triton.infer(
        "compact",
        inputs(users, movies, binary_inputs),
        request_id="7",
        outputs=[
            InferRequestedOutput("rating", binary_data=binary_outputs),
            InferRequestedOutput("known_user", binary_data=binary_outputs),
        ],
        headers=key(),
    )
    assert result.get_response()["id"] == "7"
    ratings = result.as_numpy("rating")
    assert ratings.dtype == np.float32
    assert ratings.astype(float).round(6).tolist() == pytest.approx(expected, abs=1e-6)
    assert result.as_numpy("known_user").all()
    assert result.as_numpy("known_movie") is None


def test_default_call_is_binary_and_keeps_the_shape(triton: InferenceServerClient, server: Running) -> None:
    users, movies = (ids.reshape(-1, 1) for ids in numbers(5))
    result = triton.infer("compact", inputs(users, movies), headers=key())
    assert result.as_numpy("rating").shape == (5, 1)
    assert result.as_numpy("rating").ravel().tolist() == pytest.approx(batch(server, users, movies), abs=1e-6)
    assert result.as_numpy("known_movie").dtype == np.bool_
    empty = np.empty(0, np.int64)
    assert triton.infer("compact", inputs(empty, empty), headers=key()).as_numpy("rating").size == 0


def test_cold_ids_are_flagged_or_refused(triton: InferenceServerClient) -> None:
    pairs = inputs(np.array(["user_1", "nobody"], object), np.array(["movie_1193"] * 2, object))
    with pytest.raises(InferenceServerException, match="unknown_user: 1 of 2 pairs") as refused:
        triton.infer("compact", pairs, headers=key())
    assert refused.value.status() == "404"
    result = triton.infer("compact", pairs, headers=key(), parameters={"on_unknown": "fallback"})
    assert result.as_numpy("known_user").tolist() == [True, False]


def test_refusals_are_errors_of_the_client(triton: InferenceServerClient) -> None:
    users, movies = numbers(1)
    many = inputs(*numbers(COUNT + 1))
    for model, pairs, headers, status, said in (
        ("nope", inputs(users, movies), key(), "404", "unknown_model: "),
        ("compact", inputs(users, movies), None, "401", "key_missing: "),
        (
            "compact",
            inputs(-users, movies),
            key(),
            "400",
            "invalid_request: user_id.0: must not be negative",
        ),
        ("compact", inputs(users, movies)[:1], key(), "400", "invalid_request: inputs: "),
        ("compact", many, key(), "413", "too_many_pairs: "),
    ):
        with pytest.raises(InferenceServerException) as refused:
            triton.infer(model, pairs, headers=headers)
        assert refused.value.status() == status
        assert refused.value.message().startswith(said)
