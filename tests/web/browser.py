"""Debian's Chromium, driven by Playwright, and a visitor who notices what a person might not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

# Seconds that the page may take, on a busy machine too.
TIMEOUT = 60
expect.set_options(timeout=1000 * TIMEOUT)

_FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root, which CI does, with one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> str | None:
    """Path of the browser, if one is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, closed at the end."""
    path = chromium()
    assert path is not None, "no Chromium: apt-get install -y chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """Somebody with the page open.

    Attributes:
        page: The browser's page.
        url: Where the service is.
        complaints: Console errors and warnings, and errors of scripts.
        foreign: Requests to anybody but the service.
    """

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._watch)

    def open(self, address: str = "/") -> Page:
        """Go to an address of the service."""
        self.page.goto(f"{self.url}{address}")
        return self.page

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _watch(self, request: Request) -> None:
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.foreign.append(request.url)


@contextmanager
def visiting(browser: Browser, url: str, **context: Any) -> Iterator[Visitor]:
    """A visitor with a fresh profile; `context` is Playwright's, such as `viewport` and `color_scheme`."""
    profile = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
    profile.set_default_timeout(1000 * TIMEOUT)
    try:
        yield Visitor(profile.new_page(), url)
    finally:
        profile.close()
