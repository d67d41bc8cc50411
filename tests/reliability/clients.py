"""Clients that send requests continuously during a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `true` returns true; fail after a timeout."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)


@dataclass
class Asked:
    """The outcome of all requests: responses in order, and lost requests."""

    answers: list[httpx2.Response] = field(default_factory=list)
    lost: list[httpx2.TransportError] = field(default_factory=list)


@contextmanager
def asking(url: str, path: str, body: dict[str, Any] | None = None, clients: int = 4) -> Iterator[Asked]:
    """Run clients that repeat the same request, each on its own connection, during the block."""
    asked, done = Asked(), threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=url, timeout=30) as client:
            while not done.is_set():
                try:
                    asked.answers.append(client.get(path) if body is None else client.post(path, json=body))
                except httpx2.TransportError as error:
                    asked.lost.append(error)
                    time.sleep(0.02)
                # Not as fast as possible, because there may be only one core.
                time.sleep(0.002)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        done.set()
        for thread in threads:
            thread.join()
