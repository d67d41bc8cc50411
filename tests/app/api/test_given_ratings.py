"""Training ratings: returned by `/ratings`, excluded by `/recommend`, counted in `/models`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.scoring.loading import load_registry
from app.scoring.probe import ScoringTime
from app.scoring.registry import LoadedModel, Registry
from app.settings import Settings
from tests.app.fakes import fake_scorer
from tests.app.problems import assert_problem
from training.artefact import ArtefactDamaged, GivenRatings, RatingScale

# By index: user_1 gave movie_4 half a star, movie_2 and movie_3 four, and the cold movie_5 five; the cold
# user_4 gave movie_1 two. The others gave none.
GIVEN = GivenRatings.from_rows(
    np.array([0, 0, 0, 0, 3]),
    np.array([4, 2, 1, 3, 0]),
    np.array([5, 4, 4, 0.5, 2], dtype=np.float32),
    users=4,
    movies=5,
)
TITLES = {"movie_2": {"title": 'The "Best" <b>Movie</b> (2001)', "genres": ["Drama"]}}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client of an application in which `baseline` has ratings and `bare` has none."""
    scorers = [fake_scorer("baseline", given=GIVEN)[0], fake_scorer("bare")[0]]
    models = [LoadedModel(one, ScoringTime(1.0, 1.0)) for one in scorers]
    app = create_app(Settings(), Registry(models, "baseline", ["baseline", "bare"], {"tiny": TITLES}))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def rating(movie: int, stars: float) -> dict[str, Any]:
    known: dict[str, Any] = TITLES.get(f"movie_{movie}", {"title": None, "genres": []})
    return {"movie_id": f"movie_{movie}", **known, "rating": stars}


# On a scale with a step, and on a continuous one.
@pytest.mark.parametrize("expected", [[99.9, 89.6], [16.34567, 5.0]])
def test_ratings_have_the_decimals_of_their_file(expected: list[float]) -> None:
    ratings = np.array(expected, np.float32)
    scale = RatingScale.observed(0, 99.9, ratings)
    given = GivenRatings.from_rows(
        np.array([0, 0]), np.array([0, 1]), ratings, users=4, movies=5, scale=scale
    )
    models = [LoadedModel(fake_scorer("baseline", given=given)[0], ScoringTime(1.0, 1.0))]
    with TestClient(create_app(Settings(), Registry(models, "baseline", ["baseline"], {}))) as client:
        items = client.get("/ratings?user_id=1").json()["items"]
    assert [item["rating"] for item in items] == expected


def test_ratings_of_a_user_are_sorted_highest_first(client: TestClient) -> None:
    expected = {"model": "baseline", "user_id": "user_1", "total": 4}
    everything = [rating(5, 5.0), rating(2, 4.0), rating(3, 4.0), rating(4, 0.5)]
    everything.sort(key=lambda one: (-one["rating"], one["movie_id"]))
    assert client.get("/ratings?user_id=1").json() == {**expected, "items": everything}
    assert client.get("/ratings?user_id=user_1&limit=2").json() == {**expected, "items": everything[:2]}
    assert client.get("/ratings?user_id=1&movie_id=2").json() == {**expected, "items": [rating(2, 4.0)]}
    assert client.get("/ratings?user_id=1&movie_id=movie_5").json()["items"] == [rating(5, 5.0)]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("user_id=1&movie_id=1", 4),
        ("user_id=1&movie_id=nothing", 4),
        ("user_id=2", 0),
        ("user_id=nobody", 0),
        ("user_id=9223372036854775807", 0),
    ],
)
def test_user_or_movie_without_ratings_returns_an_empty_list(
    client: TestClient, query: str, total: int
) -> None:
    answer = client.get(f"/ratings?{query}").json()
    assert (answer["total"], answer["items"]) == (total, [])


def test_ratings_of_a_cold_user_are_returned(client: TestClient) -> None:
    assert client.get("/ratings?user_id=4").json()["items"] == [rating(1, 2.0)]


def test_artefact_without_ratings_returns_null_total(client: TestClient) -> None:
    answer = client.get("/ratings?user_id=1&model=bare").json()
    assert answer == {"model": "bare", "user_id": "user_1", "total": None, "items": []}


def test_another_model_is_used_if_the_default_has_no_ratings() -> None:
    def answer(*models: tuple[str, GivenRatings | None]) -> dict[str, Any]:
        loaded = [LoadedModel(fake_scorer(name, given=one)[0], ScoringTime(1.0, 1.0)) for name, one in models]
        app = create_app(Settings(), Registry(loaded, "bare", [name for name, _ in models]))
        with TestClient(app) as client:
            expected: dict[str, Any] = client.get("/ratings?user_id=1").json()
            return expected

    assert answer(("bare", None), ("baseline", GIVEN))["model"] == "baseline"
    assert answer(("bare", GIVEN), ("baseline", GIVEN))["model"] == "bare"
    assert answer(("bare", None), ("baseline", None)) == {
        "model": "bare",
        "user_id": "user_1",
        "total": None,
        "items": [],
    }


@pytest.mark.parametrize(
    "query",
    ["", "movie_id=1", "user_id=", "user_id=1&limit=0", "user_id=1&limit=1001", "user_id=1&limit=1e2", "x=1"],
)
def test_wrong_queries_are_refused(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"/ratings?{query}"), 422, "invalid_request")


def test_an_unknown_model_is_404(client: TestClient) -> None:
    assert_problem(client.get("/ratings?user_id=1&model=nope"), 404, "unknown_model")


def recommended(client: TestClient, **request: Any) -> list[str]:
    answer = client.post("/recommend", json={"user_id": "user_1", **request})
    assert answer.status_code == 200
    return [item["movie_id"] for item in answer.json()["items"]]


def test_recommendation_omits_rated_movies(client: TestClient) -> None:
    assert recommended(client) == ["movie_1"]
    assert recommended(client, exclude=["movie_1", 4]) == []
    assert recommended(client, n=2, exclude_rated=False) == ["movie_4", "movie_3"]
    assert recommended(client, user_id=2) == ["movie_4", "movie_3", "movie_2", "movie_1"]
    for query, count in (("", 1), ("&exclude_rated=true", 1), ("&exclude_rated=false", 4)):
        assert len(client.get(f"/recommend?user_id=1{query}").json()["items"]) == count


def test_recommendation_omits_nothing_without_ratings(client: TestClient) -> None:
    assert recommended(client, model="bare") == ["movie_4", "movie_3", "movie_2", "movie_1"]


def test_ratings_of_a_store_are_mapped_and_counted(rated_store: Path, shared_store: Path) -> None:
    registry = load_registry(Settings(store=rated_store, models=("baseline",)))
    without = load_registry(Settings(store=shared_store)).get("baseline").scorer
    size = (rated_store / "baseline" / "ratings.bin").stat().st_size
    with TestClient(create_app(Settings(), registry)) as client:
        (model,) = client.get("/models").json()["models"]
        gave = client.get("/ratings?user_id=7&limit=1000").json()
        best = client.get("/recommend?user_id=7&n=1000").json()["items"]
    assert model["memory"]["ratings_bytes"] == size
    # The file and at most 7 bytes of padding between arrays.
    assert size - 14 <= model["memory"]["resident_bytes"] - without.resident_bytes <= size
    given = registry.get("baseline").scorer.given
    assert given is not None
    assert not any(
        array.flags.owndata or array.flags.writeable for array in (given.starts, given.movies, given.stars)
    )
    rated = {item["movie_id"] for item in gave["items"]}
    assert gave["total"] == len(rated) > 10
    # All 40 movies but the cold one, movie_40, are either rated or recommended.
    assert {item["movie_id"] for item in best} == {f"movie_{n}" for n in range(1, 40)} - rated


def test_damaged_ratings_stop_the_start(rated_store: Path, tmp_path: Path) -> None:
    store = shutil.copytree(rated_store, tmp_path / "store")
    path = store / "baseline" / "ratings.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ArtefactDamaged, match=r"ratings\.bin"):
        load_registry(Settings(store=store))
