"""What others rely on is written down, and stays as it was until somebody changes it on purpose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.contract.problems import (
    INTERNAL_ERROR,
    KINDS,
    METHOD_NOT_ALLOWED,
    ROUTE_NOT_FOUND,
)
from app.contract.schemas import discovery, requests
from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry
from tests.conftest import REPOSITORY
from tests.golden.renew import OPENAPI, openapi_text

DOCS = REPOSITORY / "docs"
METHODS = {"get", "post"}


def _document() -> dict[str, Any]:
    document: dict[str, Any] = _app().openapi()
    return document


def _app() -> FastAPI:
    return create_app(Settings(), fake_registry())


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, operations in _document()["paths"].items()
        for method, operation in operations.items()
    ]


def test_openapi_is_the_golden_one() -> None:
    assert openapi_text() == OPENAPI.read_text(encoding="utf-8"), "renew with: python -m tests.golden.renew"


def test_every_call_has_summary_description_examples_and_problems() -> None:
    assert {path for _, path, _ in _operations()} == {
        *("/predict", "/predict/batch", "/predict/new-user", "/recommend", "/movies", "/users"),
        *("/ratings", "/models", "/models/{name}", "/compare", "/healthz", "/readyz"),
    }
    for method, _, operation in _operations():
        assert method in METHODS
        assert operation["summary"] and operation["description"]
        assert operation["responses"]["200"]["content"]["application/json"]["example"]
        for status, response in operation["responses"].items():
            if status != "200":
                (content,) = response["content"].items()
                assert content[0] == "application/problem+json"
                assert content[1]["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content[1]["examples"]


def test_every_reference_leads_somewhere() -> None:
    document = _document()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].removeprefix("#/components/schemas/") in document["components"]["schemas"]
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(document)


@pytest.mark.parametrize(
    ("call", "model"),
    [
        ("/predict", requests.PredictRequest),
        ("/predict/batch", requests.BatchRequest),
        ("/compare", requests.CompareRequest),
        ("/recommend", discovery.RecommendRequest),
        ("/predict/new-user", discovery.NewUserRequest),
    ],
)
def test_request_examples_are_requests(call: str, model: type[requests.RequestModel]) -> None:
    content = _document()["paths"][call]["post"]["requestBody"]["content"]["application/json"]
    model.model_validate(content["example"])


def test_docs_page_works_without_internet(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "http://" not in page and "https://" not in page
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/files/{name}" in page
        assert client.get(f"/docs/files/{name}").status_code == 200


def test_every_setting_is_described() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`RATINGS_{name.upper()}`" in text


def test_every_call_and_code_is_described() -> None:
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    for method, path, _ in _operations():
        assert f"`{method.upper()} {path}" in text
    others = [INTERNAL_ERROR, ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED]
    for kind in [*KINDS.values(), *others]:
        assert f"`{kind.code}`" in text
        assert str(kind.status) in text


def test_examples_in_the_docs_are_json() -> None:
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split("```json\n")[1:]]
    assert blocks
    for block in blocks:
        json.loads(block)
