"""Ratings of movies without training ratings, from their genres and decade: fitted, stored and served."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.builders import QUICK, TINY_BASELINE
from training.artefact import Artefact, ArtefactDamaged, ArtefactMissing, open_artefact
from training.artefact.new_movies import NewMovies, feature_matrix, features_of
from training.artefact.rating_scale import RatingScale
from training.artefact.writer import file_record
from training.publish.options import DataOptions, PublishOptions
from training.publish.workflow import fit_on

USERS, MOVIES = 40, 60
GENRES = ("Drama", "Horror")


def write_files(folder: Path) -> Path:
    """Write ratings: dramas get a star more than horror films; movies 61 and 62 are not rated."""
    random = np.random.default_rng(2)
    lines = ["userId,movieId,rating,timestamp"]
    for movie in range(1, MOVIES + 1):
        for user in range(1, USERS + 1):
            if random.random() < 0.5:
                rating = 3.5 + (0.5 if movie % 2 else -0.5) * 2 + random.integers(-1, 2) / 2
                lines.append(f"{user},{movie},{min(max(rating, 0.5), 5)},{movie * 100 + user}")
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")
    titles = [f"{movie},Movie {movie} (1994),{GENRES[1 - movie % 2]}" for movie in range(1, MOVIES + 3)]
    (folder / "movies.csv").write_text("movieId,title,genres\n" + "\n".join(titles) + "\n")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with `baseline`, which rates new movies; the test rows are of movies that it does not know."""
    data = DataOptions(write_files(tmp_path_factory.mktemp("data")), split="new-movies")
    store = tmp_path_factory.mktemp("new-movies") / "store"
    dataset = data.dataset(data.load(), 0.0)
    fit_on(dataset, [TINY_BASELINE], QUICK, PublishOptions(store, new_movies=True))
    return store


@pytest.fixture
def artefact(store: Path) -> Artefact:
    return open_artefact(store / "baseline")


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=str(store)))) as client:
        yield client


def test_features_are_genres_and_the_decade_of_the_title() -> None:
    found = features_of("Alien (1979)", ["Horror", "Sci-Fi"])
    assert found == [("genre", "Horror"), ("genre", "Sci-Fi"), ("decade", "1970")]
    assert features_of("2001", ["Drama"]) == [("genre", "Drama")] and features_of(None, []) == []
    features = [("genre", "Sci-Fi"), ("decade", "1970"), ("genre", "War")]
    assert feature_matrix([found, []], features).tolist() == [[True, True, False], [False] * 3]


def test_rating_is_the_sum_of_biases_and_leanings() -> None:
    new = NewMovies.fitted(
        [("genre", "Drama")],
        (0.25, np.array([0.5])),
        np.array([0.5]),
        3.0,
        np.array([[1.27, -0.635], [0.0, 0.0]]),
        RatingScale(0.5, 5, 0.5),
    )
    drama, other = np.array([[True]]), np.array([[False]])
    # 3 + 0.25 + 0.5 + (1.27 + (1 - 0.5) * -0.635), and without the genre 3 + 0.25 + 1.27 + 0.5 * 0.635.
    assert new.rate_features(np.array([0]), drama) == pytest.approx([4.7025], abs=1e-3)
    assert new.rate_features(np.array([0]), other) == pytest.approx([4.8375], abs=1e-3)
    assert new.rate_features(np.array([-1]), drama) == pytest.approx([3.75], abs=1e-3)


def test_new_movies_are_rated_by_their_features(artefact: Artefact) -> None:
    new = artefact.fallback.new_movies
    assert new is not None and ("genre", "Drama") in new.features
    cold = np.arange(artefact.movies.warm, len(artefact.movies), dtype=np.int32)
    users = np.zeros(cold.size, np.int32)
    rated = artefact.fallback.rate(users, cold)
    odd = np.array([int(artefact.movies[int(place)].split("_")[-1]) % 2 == 1 for place in cold])
    assert rated[odd].min() > rated[~odd].max() + 0.5
    # Movies of the items file that nobody rated are known, too.
    assert new.index(artefact.movies.canonical(61)) >= len(artefact.movies)


def test_warm_pairs_stay_as_they_are(store: Path, tmp_path: Path) -> None:
    data = DataOptions(write_files(tmp_path), split="new-movies")
    dataset = data.dataset(data.load(), 0.0)
    fit_on(dataset, [TINY_BASELINE], QUICK, PublishOptions(tmp_path / "store"))
    plain = tmp_path / "store" / "baseline"
    assert "features_file" not in json.loads((plain / "manifest.json").read_text())
    assert not (plain / "features.bin").exists()
    requests = [{"user_id": 1, "movie_id": movie, "on_unknown": "fallback"} for movie in range(1, 20)]
    with (
        TestClient(create_app(Settings(store=str(store)))) as with_features,
        TestClient(create_app(Settings(store=str(tmp_path / "store")))) as without,
    ):
        answers = [
            (with_features.post("/predict", json=one), without.post("/predict", json=one)) for one in requests
        ]
    for one, other in answers:
        if one.json()["known_movie"]:
            assert one.content == other.content


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record: record["features"].pop(), "a code for each warm user and feature"),
        (lambda record: record["features"].__setitem__(0, record["features"][1]), "names a feature twice"),
        (lambda record: record.clear(), "Field required"),
    ],
)
def test_record_that_does_not_fit_is_refused(
    store: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    folder = Path(shutil.copytree(store / "baseline", tmp_path / "baseline"))
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["features_file"])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactDamaged, match=reason):
        open_artefact(folder)


def test_changed_or_missing_file_is_noticed(store: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(store / "baseline", tmp_path / "baseline"))
    path = folder / "features.bin"
    content = path.read_bytes()
    assert file_record(path).bytes == len(content)
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(ArtefactDamaged, match="not the file that its manifest states"):
        open_artefact(folder)
    path.unlink()
    with pytest.raises(ArtefactMissing, match=r"features\.bin"):
        open_artefact(folder)


def test_service_rates_a_described_movie(client: TestClient) -> None:
    def rated(genre: str) -> dict[str, Any]:
        request = {"features": {"genres": [genre], "year": 1994}, "user_ids": [1, "user_none"]}
        answer: dict[str, Any] = client.post("/predict/new-movie", json=request).json()
        return answer

    drama, horror = rated("Drama"), rated("Horror")
    assert "genre=Drama" in drama["features"]
    first, stranger = drama["predictions"]
    assert (first["known_user"], first["known_movie"], stranger["known_user"]) == (True, False, False)
    assert first["rating"] > horror["predictions"][0]["rating"] + 0.5
    unknown = client.post(
        "/predict/new-movie", json={"features": {"genres": ["Opera"]}, "user_ids": [1]}
    ).json()
    assert unknown["features"] == [] and unknown["predictions"][0]["known_movie"] is False


def test_ids_that_were_never_rated_are_estimated(client: TestClient) -> None:
    drama, horror = (
        client.post("/predict", json={"user_id": 1, "movie_id": movie, "on_unknown": "fallback"}).json()
        for movie in (61, 62)
    )
    assert drama["known_movie"] is False and drama["rating"] > horror["rating"] + 0.5
    batch = {"user_ids": [1, 1], "movie_ids": [61, 62], "on_unknown": "fallback"}
    assert client.post("/predict/batch", json=batch).json()["ratings"] == [drama["rating"], horror["rating"]]
    assert client.post("/predict", json={"user_id": 1, "movie_id": 61}).status_code == 404


def test_model_without_features_refuses_new_movies(shared_store: Path) -> None:
    with TestClient(create_app(Settings(store=str(shared_store)))) as client:
        answer = client.post("/predict/new-movie", json={"features": {}, "user_ids": [1]})
    assert answer.status_code == 422 and "train it with --new-movies" in answer.text


def test_models_state_the_bytes_of_the_features(client: TestClient, artefact: Artefact) -> None:
    (model,) = client.get("/models").json()["models"]
    stated = artefact.manifest.features_file
    assert stated is not None and model["memory"]["features_bytes"] == stated.bytes
