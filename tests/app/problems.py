"""Assertions on the problem documents of the service."""

from __future__ import annotations

from typing import Any

from httpx2 import Response


def assert_problem(response: Response, status: int, code: str) -> dict[str, Any]:
    """Assert that `response` is a small, consistent problem of this kind. Return its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 10_000
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "code"} <= body.keys()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"].endswith(code)
    assert "Traceback" not in response.text and "/site-packages/" not in response.text
    return body


def assert_inference_error(response: Response, status: int, code: str) -> str:
    """Assert that `response` is an error of the Open Inference Protocol. Return its text."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    text: str = response.json()["error"]
    assert text.startswith(f"{code}: ")
    assert len(response.content) < 10_000
    assert "Traceback" not in text and "/site-packages/" not in text
    return text
