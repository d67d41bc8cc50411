"""Chromium, driven by Playwright, and a visitor that records errors and requests to other hosts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

# Seconds that the page may take, even on a busy machine.
TIMEOUT = 60
expect.set_options(timeout=1000 * TIMEOUT)

_FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root (as in CI) with a sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> str | None:
    """Return the path of the browser, if one is installed.

    The headless shell, which has no windows, needs a third of the processor time of the whole browser.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Launch a browser, and close it at the end of the block."""
    path = chromium()
    assert path is not None, "no Chromium: apt-get install -y chromium-headless-shell"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """A visitor of the page.

    Attributes:
        page: Page of the browser.
        url: Base URL of the service.
        console_errors: Console errors and warnings, and uncaught errors of scripts.
        foreign_requests: URLs of requests to other hosts.
    """

    page: Page
    url: str
    console_errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._record_console)
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.on("request", self._record_request)

    def open(self, address: str = "/") -> Page:
        """Open an address of the service."""
        self.page.goto(f"{self.url}{address}")
        return self.page

    def _record_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.console_errors.append(message.text)

    def _record_request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.foreign_requests.append(request.url)


@contextmanager
def visiting(browser: Browser, url: str, **context: Any) -> Iterator[Visitor]:
    """Open a page with a new profile; `context` has options such as `viewport` and `color_scheme`."""
    profile = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
    profile.set_default_timeout(1000 * TIMEOUT)
    try:
        yield Visitor(profile.new_page(), url)
    finally:
        profile.close()
