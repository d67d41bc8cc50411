"""The service answers on the scale of its models' ratings, and serves one scale only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.contract.errors import StartError
from app.main import create_app
from app.scoring.loading import check_store, load_registry
from app.settings import Settings
from tests.app.problems import assert_problem
from tests.artefact_edits import rewrite_manifest
from training.artefact import RatingScale
from training.artefact.engine import Prior

FORMATS = Path(__file__).parents[1] / "training" / "artefact" / "formats"


def store_of(folder: Path, **versions: int) -> Path:
    """Return a store with stored artefacts, by name and format version: those of 1 and 2 rate from 0 to 5."""
    for name, version in versions.items():
        shutil.copytree(FORMATS / f"version-{version}", folder / name)
        rewrite_manifest(folder / name, partial(dict.update, name=name))
    return folder


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service of ratings from 1 to 10."""
    store = store_of(tmp_path_factory.mktemp("books"), books=3)
    with TestClient(create_app(Settings(store=store))) as client:
        yield client


def test_models_state_the_scale(client: TestClient) -> None:
    found = client.get("/models").json()
    assert found["rating_scale"] == {"low": 1, "high": 10, "step": 1}
    assert found["models"][0]["rating_scale"] == found["rating_scale"]
    assert client.get("/models/books").json()["rating_scale"] == found["rating_scale"]


def test_every_answer_is_on_the_scale(client: TestClient) -> None:
    one = client.post("/predict", json={"user_id": 1, "movie_id": 11}).json()["rating"]
    # As stored with the artefact, in tests/training/artefact/formats/answers.json.
    assert one == pytest.approx(5.3, abs=2)
    pairs = {"user_ids": list(range(1, 30)), "movie_ids": list(range(1, 30))}
    batch = client.post("/predict/batch", json=pairs).json()["ratings"]
    assert max(batch) > 5 and min(batch) >= 1
    cold = client.post("/predict", json={"user_id": 1, "movie_id": 999, "on_unknown": "fallback"}).json()
    assert 1 <= cold["rating"] <= 10
    best = client.get("/recommend", params={"user_id": 1, "exclude_rated": "false"}).json()["items"]
    assert best[0]["rating"] > 5
    given = client.get("/ratings", params={"user_id": 4}).json()["items"]
    assert given[0]["rating"] == 9
    compared = client.get("/compare", params={"user_id": 1, "movie_id": 11}).json()
    assert compared["predictions"][0]["rating"] == one


def test_errors_are_on_the_scale(client: TestClient) -> None:
    rated = client.post("/predict", json={"user_id": 1, "movie_id": 11}).json()["rating"]
    pair = {"user_id": 1, "movie_id": 11, "rating": 10}
    (found,) = client.post("/compare", json={"pairs": [pair]}).json()["models"]
    assert found["mae"] == pytest.approx(10 - rated, abs=1e-5)


def test_new_user_is_fitted_on_the_scale(client: TestClient) -> None:
    def rating_after(rating: float) -> float:
        request = {"ratings": [{"movie_id": 1, "rating": rating}], "movie_ids": [1]}
        predictions = client.post("/predict/new-user", json=request).json()["predictions"]
        return float(predictions[0]["rating"])

    assert 1 <= rating_after(1) < rating_after(5.5) < rating_after(10) <= 10


@pytest.mark.parametrize("rating", [0.5, 10.5, -1, 1e300])
def test_rating_off_the_scale_is_refused_by_name(client: TestClient, rating: float) -> None:
    pairs = [{"user_id": 1, "movie_id": 1}, {"user_id": 1, "movie_id": 11, "rating": rating}]
    for path, request, where in (
        ("/compare", {"pairs": pairs}, ["pairs", 1, "rating"]),
        ("/predict/new-user", {"ratings": [{"movie_id": 1, "rating": rating}]}, ["ratings", 0, "rating"]),
    ):
        response = client.post(path, json=request)
        assert_problem(response, 422, "invalid_request")
        (error,) = response.json()["errors"]
        assert error == {"loc": where, "msg": "is off the rating scale, which is 1 to 10"}


def test_predicted_ratings_are_counted_in_tenths_of_the_scale(tmp_path: Path) -> None:
    store = store_of(tmp_path, books=3)
    with TestClient(create_app(Settings(store=store))) as client:
        client.post("/predict", json={"user_id": 1, "movie_id": 11})
        lines = client.get("/metrics").text.splitlines()
    counted = [line for line in lines if line.startswith("stars_predicted_stars_bucket")]
    assert 'le="1.9"' in counted[0] and 'scale="1:10"' in counted[0]
    assert 'le="10.0"' in counted[9] and counted[9].endswith(" 1.0")


def test_models_of_two_scales_are_refused_in_one_line(tmp_path: Path) -> None:
    store = store_of(tmp_path, books=3, movies=1)
    for load in (load_registry, check_store):
        with pytest.raises(StartError) as refused:
            load(Settings(store=store))
        assert str(refused.value) == (
            "the models have different rating scales: books rates from 1 to 10, movies from 0 to 5; "
            "name those to serve in RATINGS_MODELS"
        )
    # Models that are not served do not matter.
    for name, scale in (("books", RatingScale(1, 10, 1)), ("movies", RatingScale())):
        assert load_registry(Settings(store=store, models=(name,))).scale == scale


def test_reload_follows_a_change_of_the_scale(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", mine=1)
    keys = Settings(store=store, admin_keys="secret-key-of-the-operator")
    headers = {"authorization": "Bearer secret-key-of-the-operator"}
    with TestClient(create_app(keys)) as client:
        client.post("/predict", json={"user_id": 1, "movie_id": 11})
        shutil.rmtree(store / "mine")
        store_of(store, mine=3)
        assert client.post("/admin/reload", headers=headers).status_code == 200
        client.post("/predict", json={"user_id": 1, "movie_id": 11})
        assert client.get("/models").json()["rating_scale"]["high"] == 10
        metrics = client.get("/metrics").text
        assert 'scale="1:10"} 1.0' in metrics
        # A store of two scales is refused, and the models stay.
        store_of(store, other=2)
        assert_problem(client.post("/admin/reload", headers=headers), 409, "reload_refused")
        assert client.get("/models").json()["rating_scale"]["high"] == 10


@pytest.mark.parametrize("scale", [RatingScale(1, 10), RatingScale(-10, 10)], ids=str)
def test_fold_in_is_the_same_on_every_scale(scale: RatingScale) -> None:
    random = np.random.default_rng(1)
    vectors, movies = random.normal(0.3, 0.5, (200, 4)), random.normal(0, 1, (20, 4))
    users, rated = vectors.astype(np.float32), movies.astype(np.float32)
    stars = random.uniform(0, 5, 20)
    of_stars = Prior.of_users(users, 0.5, 0.1)
    of_ratings = Prior.of_users(users, 0.5 * scale.unit**2, 0.1, scale)
    user = of_ratings.fit(rated, scale.low + scale.unit * stars)
    np.testing.assert_allclose(user, of_stars.fit(rated, stars), atol=1e-6)
    np.testing.assert_allclose(
        of_ratings.rate(user, rated),
        scale.low + scale.unit * of_stars.rate(user, rated),
        rtol=1e-5,
        atol=1e-5,
    )
