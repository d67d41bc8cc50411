"""Ratings of books without training ratings by the columns of an items file: fitted, stored and served."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.builders import QUICK, TINY_BASELINE
from tests.training.new_movies.books import BEST, WORST, write_books
from training.artefact import Artefact, ArtefactDamaged, open_artefact
from training.artefact.manifest import MOVIES_FILE
from training.artefact.writer import file_record
from training.publish.options import DataOptions, PublishOptions
from training.publish.workflow import fit_on


def fitted(
    folder: Path, *, noise: bool = False, flags: bool = False, shareable: bool = False
) -> tuple[Artefact, float, float]:
    """Return a model of books, and its errors on new books: by the fallback, and by features."""
    ratings, items = write_books(folder, noise=noise, flags=flags)
    data = DataOptions(ratings, items=items, split="new-movies", split_seed=1)
    dataset = data.dataset(data.load(), 0.0)
    options = PublishOptions(folder / "store", new_movies=True, shareable=shareable)
    fit_on(dataset, [TINY_BASELINE], QUICK, options)
    artefact = open_artefact(folder / "store" / "baseline")
    test = dataset.test
    alone = replace(artefact.fallback, new_movies=None)
    errors = [
        float(np.mean((fallback.rate(test.user_index, test.movie_index) - test.ratings) ** 2))
        for fallback in (alone, artefact.fallback)
    ]
    return artefact, errors[0], errors[1]


@pytest.fixture(scope="module")
def without_noise(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artefact, float, float]:
    return fitted(tmp_path_factory.mktemp("books"), noise=False)


@pytest.fixture(scope="module")
def with_noise(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artefact, float, float]:
    return fitted(tmp_path_factory.mktemp("noise"), noise=True)


@pytest.fixture(scope="module")
def client(with_noise: tuple[Artefact, float, float]) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=str(with_noise[0].folder.parent)))) as client:
        yield client


def ask(client: TestClient, columns: dict[str, Any], user: int = 1) -> dict[str, Any]:
    request = {"features": {"columns": columns}, "user_ids": [user]}
    answer: dict[str, Any] = client.post("/predict/new-movie", json=request).json()
    return answer


def test_flags_say_together_what_one_column_says(
    without_noise: tuple[Artefact, float, float], tmp_path: Path
) -> None:
    artefact, _, by_flags = fitted(tmp_path, flags=True)
    stated = artefact.manifest.features_file
    assert stated is not None
    found = {(feature.kind, feature.value) for feature in stated.features}
    assert {("by Austen", "1"), ("by Joyce", "1")} <= found
    assert by_flags == pytest.approx(without_noise[2], abs=0.02)


def test_columns_of_the_items_file_rate_new_books(without_noise: tuple[Artefact, float, float]) -> None:
    artefact, fallback, features = without_noise
    assert features < 0.6 * fallback
    new = artefact.fallback.new_movies
    assert new is not None and {kind for kind, _ in new.features} == {"author", "pages"}
    assert list(new.edges) == ["pages"]


def test_columns_that_say_nothing_are_not_used(
    without_noise: tuple[Artefact, float, float], with_noise: tuple[Artefact, float, float]
) -> None:
    assert with_noise[2] == pytest.approx(without_noise[2])
    new = with_noise[0].fallback.new_movies
    assert new is not None and {kind for kind, _ in new.features} == {"author", "pages"}


def test_columns_are_features_of_a_request(client: TestClient) -> None:
    best, worst = (ask(client, {"author": name, "pages": 500}) for name in ("Joyce", "Austen"))
    assert best["features"][0] == "author=Joyce" and best["features"][1].startswith("pages=")
    assert best["predictions"][0]["rating"] > worst["predictions"][0]["rating"] + 1
    # Users with odd numbers like long books.
    long, short = (ask(client, {"pages": pages}) for pages in (880, 101))
    assert (long["features"][0].endswith(" or more"), short["features"][0][:12]) == (True, "pages=below ")
    assert long["predictions"][0]["rating"] > short["predictions"][0]["rating"] + 0.3


def test_unknown_columns_and_values_are_ignored(client: TestClient) -> None:
    author = ask(client, {"author": "Joyce"})
    both = ask(client, {"author": ["Joyce", "Kafka", "Joyce"], "publisher": "House 1", "colour": True})
    assert author["features"] == both["features"] == ["author=Joyce"]
    assert author["predictions"] == both["predictions"]
    assert ask(client, {"author": []})["features"] == []


@pytest.mark.parametrize(
    ("columns", "location"),
    [
        ({"pages": "long"}, ["features", "columns", "pages"]),
        ({"pages": [300, True]}, ["features", "columns", "pages"]),
        ({"pages": 10**400}, ["features", "columns", "pages"]),
        ({"author": None}, ["features", "columns", "author"]),
        ({"author": {"name": "Joyce"}}, ["features", "columns", "author"]),
        ({"author": ""}, ["features", "columns", "author"]),
        ({"author": "x" * 201}, ["features", "columns", "author"]),
        ({"author": ["x"] * 101}, ["features", "columns", "author"]),
        ({"author": [["Joyce"]]}, ["features", "columns", "author"]),
        ({"": "Joyce"}, ["features", "columns", ""]),
        ({f"column {place}": 1 for place in range(101)}, ["features", "columns"]),
        (["Joyce"], ["features", "columns"]),
        (None, ["features", "columns"]),
    ],
)
def test_wrong_columns_are_refused(client: TestClient, columns: Any, location: list[str]) -> None:
    request = {"features": {"columns": columns}, "user_ids": [1]}
    answer = client.post("/predict/new-movie", json=request)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][: len(location)] == location


def test_books_that_were_never_rated_are_estimated(client: TestClient) -> None:
    request = {"user_ids": [1, 1], "movie_ids": [BEST, WORST], "on_unknown": "fallback"}
    best, worst = client.post("/predict/batch", json=request).json()["ratings"]
    assert best > worst + 1
    assert best == ask(client, {"author": "Joyce", "pages": 850})["predictions"][0]["rating"]


def test_only_features_of_books_without_training_ratings_are_stored(
    with_noise: tuple[Artefact, float, float],
) -> None:
    artefact = with_noise[0]
    titles = json.loads((artefact.folder / MOVIES_FILE).read_text("utf-8"))
    described = {book for book, entry in titles.items() if "features" in entry}
    warm = {str(artefact.movies[index]) for index in range(artefact.movies.warm)}
    assert described == titles.keys() - warm and f"movie_{BEST}" in described
    assert titles[f"movie_{BEST}"]["features"].keys() == {"author", "pages"}


def test_shareable_store_has_neither_titles_nor_features(tmp_path: Path) -> None:
    artefact, *_ = fitted(tmp_path, noise=False, shareable=True)
    assert artefact.manifest.movies_file is None and artefact.fallback.new_movies is not None


@pytest.mark.parametrize(
    "features",
    [["author"], {"author": "Joyce"}, {"author": [1]}, None, {"author": None}],
)
def test_titles_with_other_features_are_refused(
    with_noise: tuple[Artefact, float, float], tmp_path: Path, features: Any
) -> None:
    folder = Path(shutil.copytree(with_noise[0].folder, tmp_path / "baseline"))
    titles = json.loads((folder / MOVIES_FILE).read_text("utf-8"))
    titles[f"movie_{BEST}"]["features"] = features
    (folder / MOVIES_FILE).write_text(json.dumps(titles), "utf-8")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["movies_file"] = file_record(folder / MOVIES_FILE).model_dump()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactDamaged, match="is not of the form"):
        open_artefact(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda edges: edges.update(pages=[300, 300]), "must ascend"),
        (lambda edges: edges.update(pages=[]), "at least 1 item"),
        (lambda edges: edges.update(pages=["long"]), "valid number"),
    ],
)
def test_edges_that_are_wrong_are_refused(
    with_noise: tuple[Artefact, float, float],
    tmp_path: Path,
    change: Callable[[dict[str, Any]], object],
    reason: str,
) -> None:
    folder = Path(shutil.copytree(with_noise[0].folder, tmp_path / "baseline"))
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["features_file"]["edges"])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactDamaged, match=reason):
        open_artefact(folder)
