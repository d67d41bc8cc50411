"""Fixtures: the service with the shipped models, and a visitor with a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.app.processes import running
from tests.conftest import REPOSITORY
from tests.web.browser import Visitor, chromium, launched, visiting


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if chromium() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium is installed (apt-get install chromium-headless-shell), and this is not CI")
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def service(browser: Browser) -> Iterator[str]:
    # Nothing reads the log here: one line per request would eventually fill the pipe.
    with running(REPOSITORY / "models_store", log_level="warning") as server:
        yield server.url


@pytest.fixture(scope="package")
def rated_service(browser: Browser, rated_store: Path) -> Iterator[str]:
    """A service whose `baseline` includes the ratings of its data set; its `memory_efficient` does not."""
    with running(rated_store, log_level="warning") as server:
        yield server.url


@pytest.fixture
def visitor(browser: Browser, service: str) -> Iterator[Visitor]:
    """A visitor that fails the test on a request to another host or an error in the console."""
    with visiting(browser, service) as visitor:
        yield visitor
        assert visitor.foreign_requests == []
        assert visitor.console_errors == []
