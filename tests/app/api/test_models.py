"""`/models`."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from app.main import create_app
from app.scoring.probe import ScoringTime
from app.scoring.registry import LoadedModel, Registry
from app.settings import Settings
from tests.app.fakes import fake_manifest, fake_registry, fake_scorer
from tests.app.problems import assert_problem
from training.artefact import open_artefact


def test_model_has_exactly_the_documented_shape(client: TestClient) -> None:
    answer = client.get("/models/half").json()
    resident = answer["memory"].pop("resident_bytes")
    assert answer == {
        "name": "half",
        "description": "half for tests",
        "ready": True,
        "parameters": {
            "total": 100,
            "trainable": 100,
            "tables": [{"name": "t", "shape": [10, 10], "dtype": "float32", "parameters": 100, "bytes": 400}],
        },
        "memory": {
            "weights_bytes": 400,
            "file_bytes": 5000,
            "vocabulary_bytes": 36,
            "ratings_bytes": 0,
            "ranking_bytes": 0,
            "uncertainty_bytes": 0,
            "features_bytes": 0,
            "compression_ratio": 2.0,
        },
        "accuracy": {
            "dataset": "tiny",
            "split": "random",
            "test_rows": 2,
            "mse": 1.0,
            "rmse": 1.0,
            "mae": 0.75,
            "global_mean_mse": 2.0,
            "biases_only_mse": 1.5,
            "mse_warm": 0.5,
            "cold_rows": 1,
            "parts": None,
        },
        "training": {
            "recipe": {"name": "custom"},
            "epochs": 2,
            "seconds": 1.5,
            "seed": 0,
            "history": {"mse": [2.0, 1.0]},
            "created_at": "2026-01-01T00:00:00+00:00",
            "versions": {"keras": "3.15.1"},
            "last_rating_at": None,
        },
        "vocabulary": {"users": 4, "movies": 5},
        "popularity": {"movie_ratings": None, "movie_blocks": None},
        "distinct_vectors": None,
        "ranking": None,
        "rating_scale": {"low": 0, "high": 5, "step": 0.5},
        "sha256": "ab" * 32,
    }
    # Weights, two uint32 id columns and their means, and an index of at least the ids.
    assert resident >= 1000 + 4 * (4 + 5) + 4 * (3 + 4)


def test_list_holds_every_model_and_the_default(client: TestClient) -> None:
    answer = client.get("/models").json()
    assert answer["default"] == "baseline"
    assert [model["name"] for model in answer["models"]] == ["baseline", "half"]
    assert answer["models"][1] == client.get("/models/half").json()
    assert answer["models"][0]["memory"]["compression_ratio"] == 1.0


def test_unknown_model_is_404(client: TestClient) -> None:
    body = assert_problem(client.get("/models/nope"), 404, "unknown_model")
    assert body["models"] == ["baseline", "half"]


def test_comparison_is_null_without_a_baseline() -> None:
    with TestClient(create_app(Settings(), fake_registry("half", "other"))) as client:
        answer = client.get("/models").json()
        assert [model["memory"]["compression_ratio"] for model in answer["models"]] == [None, None]
        (one, _) = client.get("/compare").json()["models"]
        assert set(one["difference"].values()) == set(one["ratio"].values()) == {None}


def test_popularity_and_blocks_are_returned_if_available() -> None:
    ranges = [{"first": 1, "last": 1, "ratings": 5}, {"first": 2, "last": 5, "ratings": 2}]
    scorer, _ = fake_scorer()
    scorer.manifest = fake_manifest(
        "baseline", popularity=ranges, settings={"movies": {"block_sizes": [1, 4]}}
    )
    registry = Registry([LoadedModel(scorer, ScoringTime(1.0, 1.0))], "baseline", ["baseline"])
    with TestClient(create_app(Settings(), registry)) as client:
        (model,) = client.get("/models").json()["models"]
    assert model["popularity"] == {"movie_ratings": ranges, "movie_blocks": [1, 4]}


def test_distinct_vectors_are_those_of_the_manifest(shared_store: Path) -> None:
    with TestClient(create_app(Settings(store=shared_store))) as client:
        found = client.get("/models/baseline").json()["distinct_vectors"]
    stated = open_artefact(shared_store / "baseline").manifest.distinct_vectors
    assert stated is not None and found == stated.model_dump()
