"""Examples of docs/http-api.md, README.md and the OpenAPI document are answers with the shipped models."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "http-api.md"
README = REPOSITORY / "README.md"
SECTION = re.compile(r"^### `(GET|POST) ([^`]+)`.*?$(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
CURL = re.compile(r"^\$ (curl .*)\n(.*)$", re.MULTILINE)
BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A figure of time differs from start to start. The tables in memory depend on the system.
VARYING = {"microseconds_single", "microseconds_per_pair", "resident_bytes", "versions"}
# The shipped models have no ratings, and no keys are set.
OTHER_STORES = ("/ratings", "/admin/")
# Sections whose example is of their other path.
SHOWN_PATHS = {"/models": "/models/memory_efficient", "/healthz": "/readyz"}


def _calls() -> Iterator[Any]:
    for method, path, text in SECTION.findall(PAGE.read_text("utf-8")):
        blocks = [json.loads(block) for block in BLOCK.findall(text)]
        body = blocks.pop(0) if method == "POST" and blocks else None
        if blocks and not path.startswith(OTHER_STORES):
            yield pytest.param(method, path, body, blocks[0], id=f"{method} {path}")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """The service with the shipped models."""
    with TestClient(create_app(Settings(store=REPOSITORY / "models_store"))) as client:
        yield client


def _assert_shows(shown: Any, found: Any) -> None:
    """Check that the page shows what was found: the start of each list, and some fields of each object."""
    if isinstance(shown, Mapping):
        for name in shown.keys() - VARYING:
            _assert_shows(shown[name], found[name])
    elif isinstance(shown, list):
        assert len(shown) <= len(found)
        for one, other in zip(shown, found, strict=False):
            _assert_shows(one, other)
    elif isinstance(shown, float):
        assert shown == pytest.approx(found, abs=1e-4)
    else:
        assert shown == found


@pytest.mark.parametrize(("method", "path", "body", "shown"), list(_calls()))
def test_example_is_answered(
    client: TestClient, method: str, path: str, body: Any, shown: dict[str, Any]
) -> None:
    found = client.request(method, SHOWN_PATHS.get(path, path), json=body).json()
    if "name" in shown and "models" in found:
        [found] = [model for model in found["models"] if model["name"] == shown["name"]]
    _assert_shows(shown, found)


@pytest.mark.parametrize(
    ("schema", "model", "place"),
    [
        ("Memory", "baseline", ["memory"]),
        ("Parameters", "baseline", ["parameters"]),
        ("Table", "baseline", ["parameters", "tables", 0]),
        ("Accuracy", "baseline", ["accuracy"]),
        ("VocabularySizes", "baseline", ["vocabulary"]),
        ("RankRange", "baseline", ["popularity", "movie_ratings", 0]),
        ("Ranking", "compact", ["ranking"]),
        ("RankingOrder", "compact", ["ranking", "orders", "likely"]),
        ("DistinctSide", "compact", ["distinct_vectors", "users"]),
    ],
)
def test_figures_of_the_openapi_document_are_those_of_a_model(
    client: TestClient, schema: str, model: str, place: list[str | int]
) -> None:
    found = client.get(f"/models/{model}").json()
    for step in place:
        found = found[step]
    _assert_shows(_examples(client, schema), found)


def test_compared_figures_of_the_openapi_document_are_those_of_a_model(client: TestClient) -> None:
    models = {model["name"]: model for model in client.get("/compare").json()["models"]}
    _assert_shows(_examples(client, "SideBySide"), models["baseline"])


def _examples(client: TestClient, schema: str) -> dict[str, Any]:
    fields = client.get("/openapi.json").json()["components"]["schemas"][schema]["properties"]
    examples = {name: field["examples"][0] for name, field in fields.items() if "examples" in field}
    assert examples
    return examples


@pytest.mark.parametrize(("command", "shown"), CURL.findall(README.read_text("utf-8")))
def test_curl_of_the_readme_is_answered(client: TestClient, command: str, shown: str) -> None:
    _curl, _silent, address, *options = shlex.split(command)
    assert options[:1] in ([], ["--json"])
    body = {"json": json.loads(options[1])} if options else {}
    response = client.request("POST" if options else "GET", address.removeprefix("localhost:8000"), **body)
    _assert_shows(json.loads(shown), response.json())
    assert response.json().keys() == json.loads(shown).keys()


def test_examples_are_found() -> None:
    assert len(list(_calls())) >= 10
    assert len(CURL.findall(README.read_text("utf-8"))) >= 5
