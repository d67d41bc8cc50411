"""Health checks are answered while other requests are processed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.main import create_app
from app.scoring.probe import ScoringTime
from app.scoring.registry import LoadedModel, Registry
from app.scoring.scorer import Engine, RatingScorer
from app.settings import Settings
from tests.app.fakes import fake_manifest, fake_scorer
from tests.reliability.clients import wait_until
from training.artefact import Fallback, Vocabulary


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "models": ["baseline", "half"]}


def test_health_does_not_wait_for_batches() -> None:
    scorer, engine = fake_scorer()
    registry = Registry([LoadedModel(scorer, ScoringTime(1, 1))], "baseline", ["baseline"])
    batch = {"user_ids": [1] * 20_000, "movie_ids": [1] * 20_000}
    with TestClient(create_app(Settings(), registry)) as client:
        engine.gate.clear()
        # More than there are threads: the second waits for the first.
        senders = [
            threading.Thread(target=client.post, args=["/predict/batch"], kwargs={"json": batch})
            for _ in "ab"
        ]
        for sender in senders:
            sender.start()
        wait_until(lambda: engine.rated == 20_000)
        for call in ("/healthz", "/readyz", "/models"):
            assert client.get(call).status_code == 200
        # Both are still waiting.
        assert all(sender.is_alive() for sender in senders)
        assert engine.rated == 20_000
        engine.gate.set()
        for sender in senders:
            sender.join()
        assert engine.rated == 40_000


class GatedEngine(Engine):
    """Embeddings of one dimension; reading those of movies waits until the gate is open."""

    weights_bytes = 0
    global_bias = 0.0

    def __init__(self) -> None:
        self.gate, self.calls = threading.Event(), 0

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.ones((user_index.size, 1), np.float32)

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        self.calls += 1
        assert self.gate.wait(60)
        return np.ones((movie_index.size, 1), np.float32)

    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        return self.movie_vectors(movie_index)[:, 0]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/recommend?user_id=1", None),
        ("POST", "/recommend", {"user_id": 1}),
        ("POST", "/predict/new-user", {"ratings": [{"movie_id": 1, "rating": 5}]}),
    ],
)
def test_health_does_not_wait_for_the_ranking_of_a_large_catalogue(
    method: str, path: str, body: dict[str, Any] | None
) -> None:
    engine, users, movies = GatedEngine(), 10, 20_000
    scorer = RatingScorer(
        fake_manifest("baseline"),
        Vocabulary.from_numbers(np.arange(users), "user_"),
        Vocabulary.from_numbers(np.arange(movies), "movie_"),
        Fallback(3.0, np.full(users, 3, np.float32), np.full(movies, 3, np.float32)),
        engine,
    )
    registry = Registry([LoadedModel(scorer, ScoringTime(1, 1))], "baseline", ["baseline"])
    with TestClient(create_app(Settings(), registry)) as client:
        statuses: list[int] = []
        sender = threading.Thread(
            target=lambda: statuses.append(client.request(method, path, json=body).status_code)
        )
        sender.start()
        wait_until(lambda: engine.calls == 1)
        assert client.get("/healthz").status_code == 200
        assert sender.is_alive()
        engine.gate.set()
        sender.join()
    assert statuses == [200]
