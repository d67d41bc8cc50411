"""`/compare` in its three forms."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.app.problems import assert_problem


def test_comparison_has_figures_differences_and_ratios(client: TestClient) -> None:
    baseline, half = client.get("/compare").json()["models"]
    assert half == {
        "name": "half",
        "dataset": "tiny",
        "parameters": 100,
        "weights_bytes": 400,
        "file_bytes": 5000,
        "mse": 1.0,
        "rmse": 1.0,
        "mae": 0.75,
        "microseconds_single": 100.0,
        "microseconds_per_pair": 2.0,
        "difference": {
            "parameters": -100,
            "weights_bytes": -400,
            "file_bytes": 0,
            "mse": 0.5,
            "rmse": 0.0,
            "mae": 0.0,
            "microseconds_single": 0.0,
            "microseconds_per_pair": 0.0,
        },
        "ratio": {
            "parameters": 0.5,
            "weights_bytes": 0.5,
            "file_bytes": 1.0,
            "mse": 2.0,
            "rmse": 1.0,
            "mae": 1.0,
            "microseconds_single": 1.0,
            "microseconds_per_pair": 1.0,
        },
    }
    assert set(baseline["difference"].values()) == {0}
    assert set(baseline["ratio"].values()) == {1.0}


def test_pair_is_rated_by_every_model(client: TestClient) -> None:
    answer = client.get("/compare", params={"user_id": "3", "movie_id": "movie_2"}).json()
    assert answer["models"] == client.get("/compare").json()["models"]
    assert answer["predictions"] == [
        {"model": "baseline", "dataset": "tiny", "rating": 2.25, "known_user": True, "known_movie": True},
        {"model": "half", "dataset": "tiny", "rating": 1.25, "known_user": True, "known_movie": True},
    ]
    assert answer["spread"] == 1.0


def test_cold_pair_is_rated_by_the_fallback_and_flagged(client: TestClient) -> None:
    answer = client.get("/compare", params={"user_id": 1, "movie_id": 5}).json()
    assert answer["predictions"][0] == {
        "model": "baseline",
        "dataset": "tiny",
        "rating": 1.5,
        "known_user": True,
        "known_movie": False,
    }
    assert answer["spread"] == 0.0


def test_labelled_pairs_give_errors_over_all_and_over_warm(client: TestClient) -> None:
    pairs = [
        {"user_id": 2, "movie_id": 1, "rating": 3},  # baseline 1.0, half 0.5
        {"user_id": 1, "movie_id": 9, "rating": 2.5},  # cold: user mean 1.5
        {"user_id": "user_3", "movie_id": "4"},  # baseline 2.75, half 1.75
    ]
    answer = client.post("/compare", json={"pairs": pairs}).json()
    assert answer["pairs"] == [
        {
            "user_id": "user_2",
            "movie_id": "movie_1",
            "ratings": {"baseline": 1.0, "half": 0.5},
            "cold": False,
        },
        {"user_id": "user_1", "movie_id": "movie_9", "ratings": {"baseline": 1.5, "half": 1.5}, "cold": True},
        {
            "user_id": "user_3",
            "movie_id": "movie_4",
            "ratings": {"baseline": 2.75, "half": 1.75},
            "cold": False,
        },
    ]
    baseline, half = answer["models"]
    assert baseline == {
        "name": "baseline",
        "dataset": "tiny",
        "mse": 2.5,
        "rmse": pytest.approx(2.5**0.5),
        "mae": 1.5,
        "rows": 2,
        "cold_rows": 1,
        "mse_warm": 4.0,
    }
    assert (half["mse"], half["mse_warm"]) == ((2.5**2 + 1) / 2, 2.5**2)


def test_without_ratings_errors_are_null(client: TestClient) -> None:
    answer = client.post("/compare", json={"pairs": [{"user_id": 1, "movie_id": 9}]}).json()
    assert answer["models"][0] == {
        "name": "baseline",
        "dataset": "tiny",
        "mse": None,
        "rmse": None,
        "mae": None,
        "rows": 0,
        "cold_rows": 0,
        "mse_warm": None,
    }


def test_only_cold_ratings_leave_no_warm_error(client: TestClient) -> None:
    answer = client.post("/compare", json={"pairs": [{"user_id": 8, "movie_id": 9, "rating": 5}]}).json()
    assert (answer["models"][0]["mse"], answer["models"][0]["mse_warm"]) == (4.0, None)


def test_models_are_chosen_and_ordered_by_the_caller(client: TestClient) -> None:
    body = {"pairs": [{"user_id": 1, "movie_id": 1}], "models": ["half"]}
    answer = client.post("/compare", json=body).json()
    assert answer["pairs"][0]["ratings"] == {"half": 0.0}
    assert [model["name"] for model in answer["models"]] == ["half"]
    both = client.post("/compare", json={"pairs": [], "models": ["half", "baseline"]}).json()
    assert [model["name"] for model in both["models"]] == ["half", "baseline"]


@pytest.mark.parametrize("rating", [True, "5", None, -0.5, 5.5, 10**400, [], {}])
def test_invalid_rating_is_422(client: TestClient, rating: Any) -> None:
    body = {"pairs": [{"user_id": 1, "movie_id": 1, "rating": rating}]}
    assert_problem(client.post("/compare", json=body), 422, "invalid_request")


@pytest.mark.parametrize("models", [[], ["half", "half"], "half", [1], None, [["half"]]])
def test_invalid_choice_of_models_is_422(client: TestClient, models: Any) -> None:
    assert_problem(client.post("/compare", json={"pairs": [], "models": models}), 422, "invalid_request")


def test_unknown_model_lists_the_known_ones(client: TestClient) -> None:
    response = client.post("/compare", json={"pairs": [], "models": ["half", "nope"]})
    assert assert_problem(response, 404, "unknown_model")["models"] == ["baseline", "half"]


def test_limit_of_pairs_is_that_of_batches(client: TestClient) -> None:
    pair = {"user_id": 1, "movie_id": 1}
    assert client.post("/compare", json={"pairs": [pair] * 20}).status_code == 200
    assert_problem(client.post("/compare", json={"pairs": [pair] * 21}), 413, "too_many_pairs")
