"""Clients of a soak: they ask at a bounded rate, and hold every answer against those that are right."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import numpy as np

from benchmarks.soak_requests import Ask

CLIENTS: Final = 4
# How often each kind is asked, of 100.
SHARES: Final = {
    "POST /predict": 30,
    "GET /predict": 20,
    "batch, JSON": 8,
    "batch, Arrow": 8,
    "/recommend": 10,
    "/predict/new-user": 6,
    "GET /compare": 5,
    "POST /compare": 3,
    "errors": 10,
}
_SECONDS_TO_ANSWER: Final = 30
# A connection stays with one worker, so each is used for so many requests only.
_REQUESTS_A_CONNECTION: Final = 50

# An answer of each version: status and body.
Right = Mapping[Ask, Sequence[tuple[int, bytes]]]


@dataclass
class Tally:
    """What came of the requests, by kind.

    Attributes:
        seconds: How long each took, whatever the answer.
        faults: What went wrong.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in SHARES})
    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in SHARES})

    def rows(self) -> list[dict[str, Any]]:
        """A row of figures for each kind, and one for all."""
        kinds = [(kind, self.seconds[kind], self.faults[kind]) for kind in SHARES]
        every = [second for _, seconds, _ in kinds for second in seconds]
        kinds.append(("all", every, [fault for _, _, faults in kinds for fault in faults]))
        return [
            {
                "kind": kind,
                "requests": len(seconds),
                "failed": len(faults),
                **{f"p{part} ms": f"{1e3 * np.percentile(seconds or [0], part):.1f}" for part in (50, 99)},
            }
            for kind, seconds, faults in kinds
        ]


def record(ports: Sequence[int], asks: Mapping[str, Sequence[Ask]]) -> Right:
    """What quiet servers, one for each version of the models, answer.

    Args:
        ports: Where each listens on loopback.
        asks: All requests, by kind.

    Raises:
        RuntimeError: One has the wrong status already.
    """
    right: dict[Ask, list[tuple[int, bytes]]] = {}
    for port in ports:
        with closing(_connect(port)) as connection:
            for ask in (ask for kind in asks.values() for ask in kind):
                answer = ask.send(connection)
                if answer[0] != ask.status:
                    raise RuntimeError(f"{ask} is answered with {answer[0]}, {answer[1][:200]!r}")
                right.setdefault(ask, []).append(answer)
    return right


@contextmanager
def asking(port: int, asks: Mapping[str, Sequence[Ask]], right: Right, rate: float) -> Iterator[Tally]:
    """Clients that ask while the block runs.

    Args:
        port: Where the service listens on loopback.
        asks: All requests, by kind.
        right: The answers that are right.
        rate: Requests a second that all clients make together; fewer where the service does not keep up.
    """
    tally, done = Tally(), threading.Event()

    def ask_on(seed: int) -> None:
        random, due = Random(seed), time.monotonic()
        connection = _connect(port)
        for count in itertools.count(1):
            due = max(due + random.uniform(0, 2) * CLIENTS / rate, time.monotonic())
            if done.wait(due - time.monotonic()):
                break
            if count % _REQUESTS_A_CONNECTION == 0:
                connection.close()
            (kind,) = random.choices(list(SHARES), list(SHARES.values()))
            ask = random.choice(asks[kind])
            start = time.perf_counter()
            try:
                fault = fault_of(ask, ask.send(connection), right)
            except (OSError, http.client.HTTPException) as error:
                fault = f"{ask}: no answer, {type(error).__name__}: {error}"
                connection.close()
            tally.seconds[kind].append(time.perf_counter() - start)
            if fault:
                tally.faults[kind].append(fault)
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(ask_on, seed) for seed in range(CLIENTS)]
        try:
            yield tally
        finally:
            done.set()
        for client in clients:
            # A client that came to grief is not one that found no fault.
            client.result()


def fault_of(ask: Ask, answer: tuple[int, bytes], right: Right) -> str | None:
    """What is wrong with an answer; None where it is wholly one version's.

    Args:
        ask: What was asked.
        answer: Status and body that came.
        right: The answers that are right.
    """
    status, body = answer
    if status != ask.status:
        return f"{ask}: {status} {body[:200]!r}"
    if answer not in right[ask]:
        return f"{ask}: neither version answers {body[:200]!r}"
    return None


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS_TO_ANSWER)
