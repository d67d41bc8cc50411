"""The programs of docs/http-api.md that use the Open Inference Protocol, with a real service."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import httpx2
import pytest
from markdown_it import MarkdownIt

from tests.app.processes import running
from tests.conftest import REPOSITORY
from tools.documents import run_python

PAGE = REPOSITORY / "docs" / "http-api.md"
PAIRS = {"user_ids": ["user_1", "user_2", "nobody"], "movie_ids": [1193, 661, 1193], "model": "baseline"}


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of a service with the shipped models."""
    with running(REPOSITORY / "models_store") as server:
        yield server.url


def test_example_of_tritonclient_gets_the_ratings_of_a_batch(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARS_URL", service)
    names = run_python(PAGE)
    batch = httpx2.post(f"{service}/predict/batch", json={**PAIRS, "on_unknown": "fallback"}).json()
    assert names["ratings"].tolist() == pytest.approx(batch["ratings"], abs=1e-6)
    assert names["known_user"].tolist() == [True, True, False]


def test_example_of_curl_gets_the_response_on_the_page(service: str) -> None:
    tokens = MarkdownIt().parse(PAGE.read_text("utf-8"))
    fences = [token for token in tokens if token.type == "fence"]
    (place,) = [place for place, token in enumerate(fences) if token.info == "sh"]
    done = subprocess.run(
        ["sh", "-c", fences[place].content],
        env={**os.environ, "STARS_URL": service},
        capture_output=True,
        text=True,
        check=True,
    )
    found, shown = json.loads(done.stdout), json.loads(fences[place + 1].content)
    ratings = [one["outputs"][0].pop("data") for one in (found, shown)]
    assert ratings[0] == pytest.approx(ratings[1], abs=1e-4)
    assert found == shown
