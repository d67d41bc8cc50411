"""`interval` and `distribution`: how far ratings may be from their predictions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app.http.test_arrow import post, stream
from tests.builders import tiny_dataset
from training.artefact import Uncertainty, open_artefact
from training.artefact.uncertainty import Spreads
from training.artefact.writer import publish
from training.ranking.stored import by_sure

LEVELS = [0.5, 2.0, 3.0, 4.0, 5.0]
BOTH = {"interval": 0.8, "distribution": True}


@pytest.fixture(scope="module")
def spread_store(shared_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with `baseline`, which has distributions, and `memory_efficient`, which has none."""
    store, folder = tmp_path_factory.mktemp("spread"), shared_store / "baseline"
    manifest = open_artefact(folder).manifest
    spreads = Spreads(
        levels=np.array(LEVELS),
        cuts=np.array([-3.0, -1.0, 1.0, 3.0]),
        users=np.array([-0.5, -0.25, 0.25, 0.5]),
        movies=np.array([-1.0, 0.0, 0.5, 1.0]),
        shifts=np.zeros(5),
        cold=np.array([1.0, 1.0, 1.5]),
    )
    classes = [
        np.arange(size, dtype=np.uint8) % 4
        for size in (manifest.vocabulary.users.warm, manifest.vocabulary.movies.warm)
    ]

    def save(path: Path) -> None:
        shutil.copy(folder / "model.keras", path)

    publish(store, dict(manifest), save, {}, uncertainty=Uncertainty(spreads, *classes))
    shutil.copytree(shared_store / "memory_efficient", store / "memory_efficient")
    return store


@pytest.fixture(scope="module")
def client(spread_store: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=str(spread_store)))) as client:
        yield client


def pair(user: int = 0, movie: int = 0) -> dict[str, Any]:
    dataset = tiny_dataset()
    return {"user_id": dataset.users[user], "movie_id": dataset.movies[movie]}


def ends(stars: list[dict[str, float]], coverage: float) -> tuple[float, float]:
    """The lowest ratings whose cumulative probability reaches (1-q)/2 and (1+q)/2."""
    total = 0.0
    found: list[float] = []
    wanted = [(1 - coverage) / 2, (1 + coverage) / 2]
    for one in reversed(stars):
        total += one["p"]
        while len(found) < 2 and total >= wanted[len(found)] - 1e-5:
            found.append(one["rating"])
    return found[0], found[1]


def arrow(answer: Any) -> pa.Table:
    assert answer.status_code == 200, answer.text
    return pa.ipc.open_stream(answer.content).read_all()


def test_distribution_and_interval_belong_to_the_prediction(client: TestClient) -> None:
    plain = client.post("/predict", json=pair()).json()
    answer = client.post("/predict", json={**pair(), **BOTH}).json()
    assert {name: answer[name] for name in plain} == plain
    stars = answer["stars"]
    assert [one["rating"] for one in stars] == LEVELS[::-1]
    assert sum(one["p"] for one in stars) == pytest.approx(1, abs=1e-5)
    # Its mean is the prediction, since this class has no shift.
    assert sum(one["p"] * one["rating"] for one in stars) == pytest.approx(plain["rating"], abs=0.01)
    assert (answer["low"], answer["high"]) == ends(stars, 0.8)


def test_each_field_is_returned_only_if_it_is_asked_for(client: TestClient) -> None:
    assert "low" not in client.post("/predict", json=pair()).json()
    only = client.post("/predict", json={**pair(), "interval": 0.5}).json()
    assert only["stars"] is None and only["low"] <= only["high"]
    only = client.post("/predict", json={**pair(), "distribution": True}).json()
    assert only["low"] is None and only["high"] is None and len(only["stars"]) == len(LEVELS)
    plain = client.post("/predict", json=pair()).content
    assert client.post("/predict", json={**pair(), "distribution": False}).content == plain


def test_wider_intervals_contain_narrower_ones(client: TestClient) -> None:
    found = [client.post("/predict", json={**pair(1, 3), "interval": q}).json() for q in (0.5, 0.8, 0.99)]
    lows, highs = [one["low"] for one in found], [one["high"] for one in found]
    assert lows == sorted(lows, reverse=True) and highs == sorted(highs)


def test_every_endpoint_gives_the_same_answer(client: TestClient) -> None:
    one = client.post("/predict", json={**pair(2, 5), **BOTH}).json()
    expected = {name: one[name] for name in ("low", "high", "stars")}
    query = {**pair(2, 5), "interval": "0.8", "distribution": "true"}
    assert client.get("/predict", params=query).json() == one
    batch = {"user_ids": [pair(2)["user_id"]] * 2, "movie_ids": [pair(0, 5)["movie_id"], pair()["movie_id"]]}
    answer = client.post("/predict/batch", json={**batch, **BOTH}).json()
    assert answer["ratings"][0] == one["rating"] and len(answer["spreads"]) == 2
    assert answer["spreads"][0] == expected
    compared = client.get("/compare", params=query).json()["predictions"]
    by_model = {model["model"]: model for model in compared}
    assert {name: by_model["baseline"][name] for name in expected} == expected
    assert by_model["memory_efficient"]["stars"] is None
    labelled = client.post("/compare", json={"pairs": [pair(2, 5)], **BOTH}).json()["pairs"]
    assert labelled[0]["spreads"]["baseline"]["low"] == expected["low"]
    assert labelled[0]["spreads"]["memory_efficient"] is None


@pytest.mark.parametrize("batch_rows", [None, 2])
def test_arrow_stream_has_the_intervals_and_distributions_of_json(
    client: TestClient, batch_rows: int | None
) -> None:
    pairs = [pair(user, movie) for user, movie in ((0, 5), (1, 6), (2, 7), (3, 8))]
    users, movies = ([*(one[name] for one in pairs), "none"] for name in ("user_id", "movie_id"))
    body = stream(users, movies, batch_rows=batch_rows)
    asked = {"model": "baseline", "on_unknown": "fallback"}
    plain = post(client, body, **asked, distribution="false")
    assert plain.content == post(client, body, **asked).content
    table = arrow(post(client, body, **asked, interval="0.8", distribution="true"))
    assert [(field.name, str(field.type)) for field in table.schema] == [
        *((field.name, str(field.type)) for field in arrow(plain).schema),
        *(("low", "float"), ("high", "float")),
        ("stars", f"fixed_size_list<item: float>[{len(LEVELS)}]"),
    ]
    assert table.select(arrow(plain).column_names).equals(arrow(plain))
    levels = json.loads(table.field("stars").metadata[b"ratings"])
    found = [
        {"low": low, "high": high, "stars": dict(zip(levels, stars, strict=True))}
        for low, high, stars in zip(
            *(table[name].to_pylist() for name in ("low", "high", "stars")), strict=True
        )
    ]
    batch = {"user_ids": users, "movie_ids": movies, **asked, **BOTH}
    assert found == [
        {**one, "stars": {star["rating"]: pytest.approx(star["p"], abs=1e-7) for star in one["stars"]}}
        for one in client.post("/predict/batch", json=batch).json()["spreads"]
    ]


def test_arrow_stream_has_the_columns_that_are_asked_for(client: TestClient) -> None:
    plain = ["rating", "known_user", "known_movie"]
    for body in (stream(["user_1"], ["movie_1"]), stream(pa.array([], pa.utf8()), pa.array([], pa.utf8()))):
        for query, more in (({"interval": "0.8"}, ["low", "high"]), ({"distribution": "true"}, ["stars"])):
            answer = post(client, body, on_unknown="fallback", **query)
            assert arrow(answer).column_names == plain + more


def test_arrow_stream_is_refused_by_a_model_without_distributions(client: TestClient) -> None:
    answer = post(client, stream(["user_1"], ["movie_1"]), model="memory_efficient", interval="0.8")
    assert answer.status_code == 422 and "has no distributions of ratings" in answer.text


def test_cold_pairs_have_the_distribution_of_cold_pairs(client: TestClient) -> None:
    def probabilities(request: dict[str, Any]) -> list[float]:
        request = {**request, "on_unknown": "fallback", "distribution": True}
        return [one["p"] for one in client.post("/predict", json=request).json()["stars"]]

    warm, cold = probabilities(pair()), probabilities({**pair(), "user_id": "user_none"})
    assert max(cold) < max(warm)


def test_new_user_has_the_distribution_of_a_user_without_ratings(client: TestClient) -> None:
    movie = pair(0, 4)["movie_id"]
    request = {"ratings": [{"movie_id": pair()["movie_id"], "rating": 4}], "movie_ids": [movie], "n": 0}
    plain = client.post("/predict/new-user", json=request).json()["predictions"][0]
    assert set(plain) == {"movie_id", "rating"}
    new = client.post("/predict/new-user", json={**request, **BOTH}).json()["predictions"][0]
    assert new["rating"] == plain["rating"] and (new["low"], new["high"]) == ends(new["stars"], 0.8)
    known = {**request, **BOTH, "user_id": pair()["user_id"]}
    same = client.post("/predict/new-user", json=known).json()["predictions"][0]
    assert max(one["p"] for one in same["stars"]) > max(one["p"] for one in new["stars"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"interval": 0.4}, "greater than or equal to 0.5"),
        ({"interval": 1}, "less than or equal to 0.99"),
        ({"interval": "0.8"}, "valid number"),
        ({"interval": None}, "leave the field out"),
        ({"distribution": 1}, "valid boolean"),
        ({**BOTH, "model": "memory_efficient"}, "has no distributions of ratings"),
    ],
)
def test_what_cannot_be_answered_is_refused(client: TestClient, fields: dict[str, Any], reason: str) -> None:
    answer = client.post("/predict", json={**pair(), **fields})
    assert answer.status_code == 422 and reason in answer.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2", "less than or equal to 0.99"),
        ("0.4", "greater than or equal to 0.5"),
        ("8e-1", "valid number"),
        ("-0.8", "valid number"),
    ],
)
def test_query_string_with_a_wrong_interval_is_refused(client: TestClient, text: str, reason: str) -> None:
    for answer in (
        client.get("/predict", params={**pair(), "interval": text}),
        post(client, stream(["user_1"], ["movie_1"]), interval=text),
    ):
        assert answer.status_code == 422 and reason in answer.text


def test_comparison_without_a_pair_has_no_interval(client: TestClient) -> None:
    answer = client.get("/compare", params={"interval": "0.8"})
    assert answer.status_code == 422 and "require user_id and movie_id" in answer.text


def test_models_state_the_bytes_of_the_classes(client: TestClient) -> None:
    memory = {model["name"]: model["memory"] for model in client.get("/models").json()["models"]}
    # Two bits an id: 29 users in 8 bytes, 39 movies in 10.
    assert memory["baseline"]["uncertainty_bytes"] == 18
    assert memory["memory_efficient"]["uncertainty_bytes"] == 0


def test_sure_order_is_that_of_lower_ends(client: TestClient) -> None:
    request = {"user_id": pair(3)["user_id"], "n": 39, "exclude_rated": False, "rank_by": "sure"}
    items = client.post("/recommend", json=request).json()["items"]
    assert client.get("/recommend", params={**request, "exclude_rated": "false"}).json()["items"] == items
    ids = [item["movie_id"] for item in items]
    batch = {"user_ids": [request["user_id"]] * len(ids), "movie_ids": ids, "interval": 0.8}
    answer = client.post("/predict/batch", json=batch).json()
    keys = [
        (spread["low"], rating) for spread, rating in zip(answer["spreads"], answer["ratings"], strict=True)
    ]
    assert keys == sorted(keys, reverse=True) and len({low for low, _ in keys}) > 1
    assert [item["rating"] for item in items] == answer["ratings"]
    by_rating = client.post("/recommend", json={**request, "rank_by": "rating"}).json()["items"]
    assert [item["movie_id"] for item in by_rating] != ids


def test_new_user_is_ranked_by_lower_ends(client: TestClient) -> None:
    ratings = [{"movie_id": pair()["movie_id"], "rating": 5}]
    request = {"ratings": ratings, "n": 5, "rank_by": "sure"}
    items = client.post("/predict/new-user", json=request).json()["items"]
    asked = {"ratings": ratings, "movie_ids": [item["movie_id"] for item in items], "n": 0, "interval": 0.8}
    found = client.post("/predict/new-user", json=asked).json()["predictions"]
    keys = [(one["low"], one["rating"]) for one in found]
    assert keys == sorted(keys, reverse=True) and len(items) == 5


def test_model_without_distributions_refuses_the_sure_order(client: TestClient) -> None:
    for path, body in (
        ("/recommend", {"user_id": pair()["user_id"]}),
        ("/predict/new-user", {"ratings": [{"movie_id": pair()["movie_id"], "rating": 4}]}),
    ):
        answer = client.post(path, json={**body, "model": "memory_efficient", "rank_by": "sure"})
        assert answer.status_code == 422 and "has no distributions" in answer.json()["detail"]


def test_service_orders_as_evaluation_does(client: TestClient, spread_store: Path) -> None:
    dataset, artefact = tiny_dataset(), open_artefact(spread_store / "baseline")
    keys = by_sure(artefact, dataset)(np.array([4]))[0]
    wanted = [dataset.movies[int(movie)] for movie in np.argsort(-keys, kind="stable")[:5]]
    request = {"user_id": dataset.users[4], "n": 5, "exclude_rated": False, "rank_by": "sure"}
    items = client.post("/recommend", json=request).json()["items"]
    assert [item["movie_id"] for item in items] == wanted
