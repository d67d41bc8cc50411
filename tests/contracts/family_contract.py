"""Tests for every embedding family; the test class of a family provides its settings and its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from app.main import create_app
from app.scoring.loading import load_registry
from app.settings import Settings
from tests.builders import MOVIES, USERS, build_store
from tests.contracts.model_contract import ModelContract
from training.families.family import Family
from training.settings import ModelSettings


class FamilyContract(ModelContract):
    """Tests of a model of dimension 6 with the family on both sides, including serving.

    Attributes:
        family: Its settings.
        parameter_count: Its parameters for 6,040 users and 3,706 movies, by hand.
    """

    family: Family

    def __init_subclass__(cls) -> None:
        cls.settings = ModelSettings(
            name="model", description="", embedding_dim=6, users=cls.family, movies=cls.family
        )

    def test_trained_model_is_served_equally_with_and_without_keras(self, tmp_path: Path) -> None:
        store = build_store(tmp_path / "store", self.settings)
        users = [f"user_{number}" for number in range(1, USERS) for _ in range(1, MOVIES)]
        movies = [f"movie_{number}" for _ in range(1, USERS) for number in range(1, MOVIES)]
        with_keras, without = (
            load_registry(Settings(store=store, engine=engine)) for engine in ("keras", "table")
        )
        expected = with_keras.get("model").scorer.score(users, movies).ratings
        assert np.ptp(expected) > 0.1
        with TestClient(create_app(Settings(store=store), without)) as client:
            batch = client.post("/predict/batch", json={"user_ids": users, "movie_ids": movies}).json()
            np.testing.assert_allclose(batch["ratings"], expected, rtol=0, atol=1e-5)
            for place in (0, len(users) // 2, len(users) - 1):
                pair = {"user_id": users[place], "movie_id": movies[place]}
                assert client.post("/predict", json=pair).json()["rating"] == batch["ratings"][place]
            best = client.post("/recommend", json={"user_id": "user_1", "n": 3}).json()
        assert [movie["rating"] for movie in best["items"]] == sorted(batch["ratings"][: MOVIES - 1])[:-4:-1]
