"""A client of the application with hand-made models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry


@pytest.fixture(scope="package")
def client() -> Iterator[TestClient]:
    app = create_app(Settings(max_batch=20, max_body_bytes=100_000, max_id_length=40), fake_registry())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
