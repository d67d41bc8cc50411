"""A store with models of two data sets: nothing of one is taken for something of the other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.builders import TINY_BIASED, build_store, tiny_table
from tests.shared import made_once
from training.data.table import Movie


@pytest.fixture(scope="module")
def mixed_store(rated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`baseline` (with ratings) and `memory_efficient` of the data set `tiny`, and `biased` of `books`.

    Both data sets have the same ids, and other ratings and titles.
    """

    def make(store: Path) -> None:
        shutil.copytree(rated_store, store, dirs_exist_ok=True)
        films = tiny_table()
        books = replace(
            films,
            name="books",
            ratings=6 - films.ratings,
            titles={"movie_1": Movie("Dracula", ("Horror",)), "movie_2": Movie("Emma", ("Romance",))},
        )
        build_store(store, TINY_BIASED, table=books)

    return made_once(tmp_path_factory, "mixed", make)


@pytest.fixture(scope="module")
def client(mixed_store: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=mixed_store))) as client:
        yield client


def test_figures_are_compared_within_a_data_set(client: TestClient) -> None:
    answer = client.get("/compare").json()
    assert answer["datasets"] == [
        {"name": "tiny", "models": ["baseline", "memory_efficient"]},
        {"name": "books", "models": ["biased"]},
    ]
    rows = {row["name"]: row for row in answer["models"]}
    assert {name: row["dataset"] for name, row in rows.items()} == {
        "baseline": "tiny",
        "biased": "books",
        "memory_efficient": "tiny",
    }
    assert set(rows["biased"]["difference"].values()) == set(rows["biased"]["ratio"].values()) == {None}
    assert None not in rows["memory_efficient"]["difference"].values()
    ratios = {
        row["name"]: row["memory"]["compression_ratio"] for row in client.get("/models").json()["models"]
    }
    assert ratios["biased"] is None
    assert ratios["memory_efficient"] > 1


def test_spread_is_that_of_one_data_set(client: TestClient) -> None:
    answer = client.get("/compare?user_id=1&movie_id=2").json()
    ratings = {row["model"]: row["rating"] for row in answer["predictions"]}
    assert [row["dataset"] for row in answer["predictions"]] == ["tiny", "books", "tiny"]
    tiny, books = answer["datasets"]
    assert tiny["spread"] == pytest.approx(abs(ratings["baseline"] - ratings["memory_efficient"]))
    assert answer["spread"] == tiny["spread"]
    assert books == {"name": "books", "models": ["biased"], "spread": 0}


def test_default_model_decides_which_data_set_comes_first(mixed_store: Path) -> None:
    settings = Settings(store=mixed_store, default_model="biased")
    with TestClient(create_app(settings)) as client:
        answer = client.get("/compare?user_id=1&movie_id=2").json()
        assert [one["name"] for one in answer["datasets"]] == ["books", "tiny"]
        assert answer["spread"] == 0
        assert client.get("/movies?q=movie_1").json()["items"][0]["title"] == "Dracula"


def test_errors_on_own_pairs_name_the_data_set(client: TestClient) -> None:
    pairs = [{"user_id": 1, "movie_id": 2, "rating": 3}]
    answer = client.post("/compare", json={"pairs": pairs}).json()
    assert [(row["name"], row["dataset"]) for row in answer["models"]] == [
        ("baseline", "tiny"),
        ("biased", "books"),
        ("memory_efficient", "tiny"),
    ]


@pytest.mark.parametrize(
    ("model", "first", "second"), [("baseline", "Café", None), ("biased", "Dracula", "Emma")]
)
def test_titles_are_those_of_the_models_data_set(
    client: TestClient, model: str, first: str, second: str | None
) -> None:
    query = {"user_id": 1, "model": model, "n": 100, "exclude_rated": False}
    listed = client.post("/recommend", json=query).json()["items"]
    titles = {item["movie_id"]: item["title"] for item in listed}
    assert titles["movie_1"].startswith(first)
    assert titles["movie_2"] == second
    found = client.get("/movies", params={"model": model, "limit": 100}).json()["items"]
    assert {item["title"] for item in found} == set(titles.values())


def test_search_of_all_movies_prefers_the_default_models_data_set(client: TestClient) -> None:
    found = {item["movie_id"]: item["title"] for item in client.get("/movies?limit=100").json()["items"]}
    assert found["movie_1"] == "Café, Das (1999)"
    assert found["movie_2"] is None
    assert client.get("/movies?model=nope").json()["code"] == "unknown_model"


def test_ratings_of_another_data_sets_user_are_not_returned(mixed_store: Path) -> None:
    # `biased` has no ratings; those of `baseline` are of another person with the same id.
    with TestClient(create_app(Settings(store=mixed_store, default_model="biased"))) as client:
        answer = client.get("/ratings?user_id=1").json()
        assert (answer["model"], answer["total"], answer["items"]) == ("biased", None, [])
        assert client.get("/ratings?user_id=1&model=baseline").json()["total"] > 0
