"""`/predict` and `/predict/batch`, with values computed by hand from `tests.app.fakes`."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.app.problems import assert_problem


def test_warm_pair_is_rated_by_the_model(client: TestClient) -> None:
    response = client.post("/predict", json={"user_id": "user_3", "movie_id": "movie_4"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "user_id": "user_3",
        "movie_id": "movie_4",
        "model": "baseline",
        "rating": 2.75,
        "known_user": True,
        "known_movie": True,
    }


def test_get_returns_the_same_as_post(client: TestClient) -> None:
    pair = {"user_id": "user_3", "movie_id": "movie_4", "model": "half", "on_unknown": "error"}
    posted, got = client.post("/predict", json=pair), client.get("/predict", params=pair)
    assert got.json() == posted.json()
    assert got.json()["rating"] == 1.75


@pytest.mark.parametrize("user_id", [2, "2", "user_2"])
def test_number_and_its_digits_mean_the_prefixed_id(client: TestClient, user_id: str | int) -> None:
    posted = client.post("/predict", json={"user_id": user_id, "movie_id": 1}).json()
    assert (posted["user_id"], posted["movie_id"], posted["rating"]) == ("user_2", "movie_1", 1.0)
    assert client.get("/predict", params={"user_id": user_id, "movie_id": 1}).json() == posted


@pytest.mark.parametrize(
    ("user_id", "movie_id", "code", "fields"),
    [
        ("user_9", 1, "unknown_user", {"user_id": "user_9"}),
        (9, 1, "unknown_user", {"user_id": "user_9"}),
        (1, "movie_9", "unknown_movie", {"movie_id": "movie_9"}),
        ("user_9", "movie_9", "unknown_user", {"user_id": "user_9", "movie_id": "movie_9"}),
        (
            "user_4",
            1,
            "unknown_user",
            {"user_id": "user_4"},
        ),  # in the vocabulary, but never rated in training
        (1, "movie_5", "unknown_movie", {"movie_id": "movie_5"}),
        ("user_007", 1, "unknown_user", {"user_id": "user_007"}),
        ("1_0", 1, "unknown_user", {"user_id": "1_0"}),
        ("-1", 1, "unknown_user", {"user_id": "-1"}),
        ("1.0", 1, "unknown_user", {"user_id": "1.0"}),
        ("USER_1", 1, "unknown_user", {"user_id": "USER_1"}),
        ("٢", 1, "unknown_user", {"user_id": "٢"}),
        (2**63 - 1, 1, "unknown_user", {"user_id": f"user_{2**63 - 1}"}),
    ],
)
def test_cold_id_is_404_and_named(
    client: TestClient, user_id: str | int, movie_id: str | int, code: str, fields: dict[str, str]
) -> None:
    body = assert_problem(client.post("/predict", json={"user_id": user_id, "movie_id": movie_id}), 404, code)
    assert {key: body[key] for key in ("user_id", "movie_id") if key in body} == fields
    assert_problem(client.get("/predict", params={"user_id": user_id, "movie_id": movie_id}), 404, code)


@pytest.mark.parametrize(
    ("user_id", "movie_id", "rating", "known_user", "known_movie"),
    [
        (2, "movie_9", 2.5, True, False),
        ("nobody", 3, 4.0, False, True),
        ("nobody", "nothing", 3.0, False, False),
        (4, 5, 3.0, False, False),
        (1, 1, 0.0, True, True),
    ],
)
def test_fallback_uses_the_known_side(
    client: TestClient,
    user_id: str | int,
    movie_id: str | int,
    rating: float,
    known_user: bool,
    known_movie: bool,
) -> None:
    pair = {"user_id": user_id, "movie_id": movie_id, "on_unknown": "fallback"}
    answer = client.post("/predict", json=pair).json()
    assert (answer["rating"], answer["known_user"], answer["known_movie"]) == (
        rating,
        known_user,
        known_movie,
    )


def test_batch_keeps_the_order(client: TestClient) -> None:
    columns = {"user_ids": ["user_3", 1, "2"], "movie_ids": [1, "movie_2", 4]}
    answer = client.post("/predict/batch", json=columns).json()
    assert answer == {"model": "baseline", "ratings": [2.0, 0.25, 1.75], "cold": []}


def test_empty_batch_returns_empty_ratings(client: TestClient) -> None:
    answer = client.post("/predict/batch", json={"user_ids": [], "movie_ids": []}).json()
    assert answer == {"model": "baseline", "ratings": [], "cold": []}


def test_batch_with_fallback_lists_cold_positions(client: TestClient) -> None:
    columns = {
        "user_ids": [1, "x", 4, 2],
        "movie_ids": [1, 2, 5, 9],
        "model": "half",
        "on_unknown": "fallback",
    }
    answer = client.post("/predict/batch", json=columns).json()
    assert answer == {"model": "half", "ratings": [0.0, 2.25, 3.0, 2.5], "cold": [1, 2, 3]}


@pytest.mark.parametrize(
    ("user_ids", "movie_ids", "code", "positions"),
    [
        ([1, 2, 9], [1, 9, 1], "unknown_user", [1, 2]),
        ([1, 2, 3], [1, 9, 1], "unknown_movie", [1]),
    ],
)
def test_one_cold_id_refuses_the_batch(
    client: TestClient, user_ids: list[int], movie_ids: list[int], code: str, positions: list[int]
) -> None:
    response = client.post("/predict/batch", json={"user_ids": user_ids, "movie_ids": movie_ids})
    body = assert_problem(response, 404, code)
    assert (body["positions"], body["total"]) == (positions, len(positions))


def test_batch_above_the_limit_is_refused(client: TestClient) -> None:
    full = {"user_ids": [1] * 20, "movie_ids": [1] * 20}
    assert len(client.post("/predict/batch", json=full).json()["ratings"]) == 20
    over = {"user_ids": [1] * 21, "movie_ids": [1] * 21}
    body = assert_problem(client.post("/predict/batch", json=over), 413, "too_many_pairs")
    assert body["limit"] == 20


def test_columns_of_different_lengths_return_422(client: TestClient) -> None:
    response = client.post("/predict/batch", json={"user_ids": [1, 2], "movie_ids": [1]})
    assert_problem(response, 422, "invalid_request")


@pytest.mark.parametrize("call", ["/predict", "/predict/batch"])
def test_unknown_model_lists_the_known_ones(client: TestClient, call: str) -> None:
    ids = {"user_id": 1, "movie_id": 1} if call == "/predict" else {"user_ids": [1], "movie_ids": [1]}
    body = assert_problem(client.post(call, json={**ids, "model": "nope"}), 404, "unknown_model")
    assert body["models"] == ["baseline", "half"]
