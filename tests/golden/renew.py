"""`python -m tests.golden.renew` renews the golden OpenAPI document, problems and Arrow stream."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.testclient import TestClient

from app.contract.problems import problem
from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry

HERE = Path(__file__).resolve().parent
OPENAPI = HERE / "openapi.json"
PROBLEMS = HERE / "problems.json"
RATINGS = HERE / "ratings.arrow"


def openapi_text() -> str:
    """Return the golden OpenAPI document."""
    return json.dumps(create_app(Settings(), fake_registry()).openapi(), indent=1, ensure_ascii=False) + "\n"


def problems_text() -> str:
    """Return the golden problems, one of each kind."""
    from tests.app.contract.test_errors import REQUEST_ERRORS

    found = {type(error).__name__: json.loads(bytes(problem(error).body)) for error in REQUEST_ERRORS}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def ratings_stream() -> bytes:
    """Return the golden answer to an Arrow stream."""
    from tests.app.http.test_arrow import MOVIES, USERS, post, stream

    with TestClient(create_app(Settings(), fake_registry())) as client:
        content: bytes = post(client, stream(USERS, MOVIES)).content
    return content


if __name__ == "__main__":
    OPENAPI.write_text(openapi_text(), encoding="utf-8")
    PROBLEMS.write_text(problems_text(), encoding="utf-8")
    RATINGS.write_bytes(ratings_stream())
