"""Clients that keep asking while something happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Pass as soon as `true` is; fail when it never is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)


@dataclass
class Asked:
    """What came of all requests: answers in order, and what was lost on the way."""

    answers: list[httpx2.Response] = field(default_factory=list)
    lost: list[httpx2.TransportError] = field(default_factory=list)


@contextmanager
def asking(url: str, path: str, body: dict[str, Any] | None = None, clients: int = 4) -> Iterator[Asked]:
    """Clients that ask the same again and again, each on a connection of its own, while the block runs."""
    asked, done = Asked(), threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=url, timeout=30) as client:
            while not done.is_set():
                try:
                    asked.answers.append(client.get(path) if body is None else client.post(path, json=body))
                except httpx2.TransportError as error:
                    asked.lost.append(error)
                    time.sleep(0.02)
                # Not as fast as possible: there may be one core for all of this.
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
