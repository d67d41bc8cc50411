"""Health checks are answered while other requests are processed."""

from __future__ import annotations

import threading

from fastapi.testclient import TestClient

from app.main import create_app
from app.scoring.probe import ScoringTime
from app.scoring.registry import LoadedModel, Registry
from app.settings import Settings
from tests.app.fakes import fake_scorer
from tests.reliability.clients import wait_until


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
        wait_until(lambda: engine.asked == 20_000)
        for call in ("/healthz", "/readyz", "/models"):
            assert client.get(call).status_code == 200
        # Both are still waiting.
        assert all(sender.is_alive() for sender in senders)
        assert engine.asked == 20_000
        engine.gate.set()
        for sender in senders:
            sender.join()
        assert engine.asked == 40_000
