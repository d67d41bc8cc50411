"""`/movies`, `/users`, `/recommend` and `/predict/new-user` over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.main import create_app
from app.scoring.probe import ScoringTime
from app.scoring.registry import LoadedModel, Registry
from app.scoring.scorer import RatingScorer
from app.settings import Settings
from tests.app.fakes import WARM_MOVIES, WARM_USERS, FakeEngine, fake_scorer
from tests.app.problems import assert_problem

# movie_1 .. movie_4 are warm; their vectors lie on two axes.
MOVIES = np.array([[2, 0], [1, 0], [0, 1], [0, 2]], np.float32)
USERS = np.array([[1, -1], [-1, 1], [0, 0]], np.float32)
TITLES = {"movie_1": {"title": "Amélie (2001)", "genres": ["Comedy", "Romance"]}}


class VectorFake(FakeEngine):
    """Two-dimensional embeddings, `5 * sigmoid(u . m)`."""

    global_bias = 0.0

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        assert np.all((user_index >= 0) & (user_index < WARM_USERS))
        return USERS[user_index]

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        assert np.all((movie_index >= 0) & (movie_index < WARM_MOVIES))
        return MOVIES[movie_index]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    plain, _ = fake_scorer("plain")
    scorer, _ = fake_scorer("baseline")
    scorer = RatingScorer(scorer.manifest, scorer.users, scorer.movies, scorer.fallback, VectorFake(1.0))
    models = [LoadedModel(one, ScoringTime(1.0, 1.0)) for one in (scorer, plain)]
    registry = Registry(models, "baseline", ["baseline", "plain"], {"tiny": TITLES})
    app = create_app(Settings(max_batch=20, max_body_bytes=100_000, max_id_length=40), registry)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_movies_are_found_by_title_and_by_id(client: TestClient) -> None:
    amelie = {"movie_id": "movie_1", "title": "Amélie (2001)", "genres": ["Comedy", "Romance"]}
    assert client.get("/movies", params={"q": "AMELIE"}).json() == {"items": [amelie]}
    assert client.get("/movies?q=movie_3").json() == {
        "items": [{"movie_id": "movie_3", "title": None, "genres": []}]
    }
    assert [movie["movie_id"] for movie in client.get("/movies?limit=2").json()["items"]] == [
        "movie_1",
        "movie_2",
    ]
    assert client.get("/movies?q=nothing").json() == {"items": []}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1.5", "limit=01", "limit=-1", "limit=100001", "x=1", "q=" + "a" * 201]
)
def test_wrong_movie_queries_are_refused(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"/movies?{query}"), 422, "invalid_request")


def test_users_are_found_by_the_beginning_of_their_id(client: TestClient) -> None:
    everybody = {"total": 3, "items": ["user_1", "user_2", "user_3"]}
    assert client.get("/users").json() == everybody
    assert client.get("/users?q=user_").json() == everybody
    assert client.get("/users?q=2").json() == {"total": 3, "items": ["user_2"]}
    assert client.get("/users?q=user_4").json()["items"] == []  # cold
    assert client.get("/users?q=use&limit=1").json()["items"] == ["user_1"]


def test_users_are_drawn_at_random(client: TestClient) -> None:
    drawn = {client.get("/users?order=random&limit=1").json()["items"][0] for _ in range(60)}
    assert drawn == {"user_1", "user_2", "user_3"}
    assert sorted(client.get("/users?order=random&q=user").json()["items"]) == ["user_1", "user_2", "user_3"]
    assert_problem(client.get("/users?model=nope"), 404, "unknown_model")
    assert_problem(client.get("/users?order=best"), 422, "invalid_request")


def test_recommendation_has_exactly_the_documented_shape(client: TestClient) -> None:
    # The fake rates user index 2 and movie index m as 2 + m / 4.
    expected = {
        "model": "baseline",
        "user_id": "user_3",
        "items": [
            {"movie_id": "movie_4", "title": None, "genres": [], "rating": 2.75},
            {"movie_id": "movie_3", "title": None, "genres": [], "rating": 2.5},
        ],
    }
    assert client.get("/recommend?user_id=3&n=2&exclude_rated=false").json() == expected
    assert client.post("/recommend", json={"user_id": 3, "n": 2}).json() == expected


def test_recommendation_omits_excluded_and_cold_movies(client: TestClient) -> None:
    def recommended(**request: Any) -> list[str]:
        answer = client.post("/recommend", json={"user_id": "user_1", **request}).json()
        return [item["movie_id"] for item in answer["items"]]

    assert recommended() == ["movie_4", "movie_3", "movie_2", "movie_1"]
    assert recommended(exclude=["movie_4", 2, "2", "movie_9"]) == ["movie_3", "movie_1"]
    assert recommended(n=1, exclude=[4]) == ["movie_3"]
    assert recommended(exclude=[1, 2, 3, 4]) == []


def test_a_cold_user_gets_no_recommendation(client: TestClient) -> None:
    for user in ("user_4", "nobody"):
        problem = assert_problem(client.get(f"/recommend?user_id={user}"), 404, "unknown_user")
        assert problem["user_id"] == user


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"user_id": 1, "n": 0}, 422, "invalid_request"),
        ({"user_id": 1, "n": 1001}, 422, "invalid_request"),
        ({"user_id": 1, "n": "5"}, 422, "invalid_request"),
        ({"user_id": 1, "n": True}, 422, "invalid_request"),
        ({"user_id": 1, "exclude_rated": "false"}, 422, "invalid_request"),
        ({"user_id": 1, "exclude": "movie_1"}, 422, "invalid_request"),
        ({"user_id": 1, "exclude": [1.5]}, 422, "invalid_request"),
        ({"user_id": 1, "exclude": [1] * 21}, 413, "too_many_pairs"),
        ({"user_id": 1, "model": "nope"}, 404, "unknown_model"),
        ({}, 422, "invalid_request"),
    ],
)
def test_wrong_recommend_bodies_are_refused(
    client: TestClient, body: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(client.post("/recommend", json=body), status, code)


def test_new_user_gets_movies_similar_to_liked_ones(client: TestClient) -> None:
    request = {"ratings": [{"movie_id": 1, "rating": 5}, {"movie_id": "movie_4", "rating": 0.5}]}
    answer = client.post("/predict/new-user", json={**request, "movie_ids": ["movie_3", 2]}).json()
    assert answer["model"] == "baseline"
    assert [one["movie_id"] for one in answer["predictions"]] == ["movie_3", "movie_2"]
    low, high = (one["rating"] for one in answer["predictions"])
    assert 0 <= low < 2.5 < high <= 5
    assert [item["movie_id"] for item in answer["items"]] == ["movie_2", "movie_3"]
    assert answer["items"][0]["rating"] == high
    left = client.post("/predict/new-user", json={**request, "n": 1, "exclude": [2]}).json()
    assert [item["movie_id"] for item in left["items"]] == ["movie_3"]
    assert client.post("/predict/new-user", json={**request, "n": 0}).json()["items"] == []


def test_user_of_whom_nothing_is_known_is_the_average_user(client: TestClient) -> None:
    answer = client.post("/predict/new-user", json={"ratings": [], "movie_ids": [2, 3], "n": 2}).json()
    assert len(answer["items"]) == len(answer["predictions"]) == 2
    middle = {"ratings": [{"movie_id": 1, "rating": 3}], "movie_ids": [2, 3], "n": 0}
    after = client.post("/predict/new-user", json=middle).json()["predictions"]
    assert after != answer["predictions"]


def test_known_user_starts_with_the_trained_vector(client: TestClient) -> None:
    request = {"ratings": [{"movie_id": 1, "rating": 3}], "movie_ids": [2, 3], "n": 0}

    def predicted(**more: Any) -> list[float]:
        answer = client.post("/predict/new-user", json={**request, **more}).json()
        return [one["rating"] for one in answer["predictions"]]

    likes_the_first, likes_the_second = predicted(user_id=1), predicted(user_id="user_2")
    assert likes_the_first[0] > likes_the_second[0] and likes_the_first[1] < likes_the_second[1]
    average = predicted()
    assert likes_the_second[0] < average[0] < likes_the_first[0]
    problem = assert_problem(
        client.post("/predict/new-user", json={**request, "user_id": 77}), 404, "unknown_user"
    )
    assert problem["user_id"] == "user_77"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"ratings": [{"movie_id": 1}]}, 422, "invalid_request"),
        ({"ratings": [{"movie_id": 1, "rating": 5.5}]}, 422, "invalid_request"),
        ({"ratings": [{"movie_id": 1, "rating": "5"}]}, 422, "invalid_request"),
        ({"ratings": [{"movie_id": 1, "rating": 5}] * 21}, 413, "too_many_pairs"),
        ({"ratings": [{"movie_id": 1, "rating": 5}], "n": -1}, 422, "invalid_request"),
        ({"ratings": [{"movie_id": 1, "rating": 5}], "model": "nope"}, 404, "unknown_model"),
    ],
)
def test_wrong_new_user_bodies_are_refused(
    client: TestClient, body: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(client.post("/predict/new-user", json=body), status, code)


def test_new_user_rating_the_same_movie_twice_is_refused(client: TestClient) -> None:
    ratings = [{"movie_id": "movie_1", "rating": 5}, {"movie_id": 1, "rating": 4}]
    assert_problem(client.post("/predict/new-user", json={"ratings": ratings}), 422, "invalid_request")


def test_cold_movies_of_a_new_user_are_refused_with_their_positions(client: TestClient) -> None:
    good = {"movie_id": 1, "rating": 5}
    body: dict[str, Any] = {"ratings": [good, {"movie_id": "movie_5", "rating": 4}]}
    problem = assert_problem(client.post("/predict/new-user", json=body), 404, "unknown_movie")
    assert (problem["field"], problem["positions"], problem["movie_id"]) == ("ratings", [1], "movie_5")
    body = {"ratings": [good], "movie_ids": ["x", 2]}
    problem = assert_problem(client.post("/predict/new-user", json=body), 404, "unknown_movie")
    assert (problem["field"], problem["positions"]) == ("movie_ids", [0])


def test_engine_without_embeddings_returns_501(client: TestClient) -> None:
    body = {"ratings": [{"movie_id": 1, "rating": 5}], "model": "plain"}
    problem = assert_problem(client.post("/predict/new-user", json=body), 501, "no_fold_in")
    assert problem["model"] == "plain"


def test_maximum_of_n_is_a_setting() -> None:
    scorer, _ = fake_scorer("baseline")
    scorer = RatingScorer(scorer.manifest, scorer.users, scorer.movies, scorer.fallback, VectorFake(1.0))
    registry = Registry([LoadedModel(scorer, ScoringTime(1.0, 1.0))], "baseline", ["baseline"])
    with TestClient(create_app(Settings(max_items=2), registry)) as client:
        rated = [{"movie_id": 1, "rating": 4}]
        for n, status in ((2, 200), (3, 422)):
            answers = [
                client.get(f"/recommend?user_id=1&n={n}"),
                client.post("/recommend", json={"user_id": 1, "n": n}),
                client.post("/predict/new-user", json={"ratings": rated, "n": n}),
            ]
            assert [answer.status_code for answer in answers] == [status] * 3
        assert all("n: must be less than or equal to 2" in answer.json()["detail"] for answer in answers)
        document = client.get("/openapi.json").json()
    bounds = [
        document["components"]["schemas"][name]["properties"]["n"]["maximum"]
        for name in ("RecommendRequest", "NewUserRequest")
    ]
    assert bounds == [2, 2]
    (parameter,) = [one for one in document["paths"]["/recommend"]["get"]["parameters"] if one["name"] == "n"]
    assert (parameter["schema"]["minimum"], parameter["schema"]["maximum"]) == (1, 2)
