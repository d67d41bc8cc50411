"""Clients of a soak test, which send requests at a bounded rate and check every response."""

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

from benchmarks.soak_requests import SoakRequest

CLIENTS: Final = 4
# Share of each kind of request, in percent.
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
# A connection stays with one worker, so each is closed after this many requests.
_REQUESTS_PER_CONNECTION: Final = 50

# The response of each version of the models: status and body.
Expected = Mapping[SoakRequest, Sequence[tuple[int, bytes]]]


@dataclass
class SoakResults:
    """Results of the requests, by kind.

    Attributes:
        seconds: Duration of each request, whether or not it failed.
        faults: Description of each failure.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in SHARES})
    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in SHARES})

    def rows(self) -> list[dict[str, Any]]:
        """Return a row of figures for each kind, and one for all."""
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


def record_responses(ports: Sequence[int], requests: Mapping[str, Sequence[SoakRequest]]) -> Expected:
    """Record the responses of idle servers, one for each version of the models.

    Args:
        ports: Port of each server on the loopback interface.
        requests: All requests, by kind.

    Raises:
        RuntimeError: A response has the wrong status.
    """
    expected: dict[SoakRequest, list[tuple[int, bytes]]] = {}
    for port in ports:
        with closing(_connect(port)) as connection:
            for request in itertools.chain.from_iterable(requests.values()):
                response = request.send(connection)
                if response[0] != request.status:
                    raise RuntimeError(f"{request}: unexpected response {response[0]}, {response[1][:200]!r}")
                expected.setdefault(request, []).append(response)
    return expected


@contextmanager
def run_clients(
    port: int, requests: Mapping[str, Sequence[SoakRequest]], expected: Expected, rate: float
) -> Iterator[SoakResults]:
    """Run clients that send requests until the end of the block.

    Args:
        port: Port of the service on the loopback interface.
        requests: All requests, by kind.
        expected: The expected responses.
        rate: Requests per second of all clients together; lower if the service cannot keep up.
    """
    results, done = SoakResults(), threading.Event()

    def send_requests(seed: int) -> None:
        random, due = Random(seed), time.monotonic()
        connection = _connect(port)
        for count in itertools.count(1):
            due = max(due + random.uniform(0, 2) * CLIENTS / rate, time.monotonic())
            if done.wait(due - time.monotonic()):
                break
            if count % _REQUESTS_PER_CONNECTION == 0:
                connection.close()
            (kind,) = random.choices(list(SHARES), list(SHARES.values()))
            request = random.choice(requests[kind])
            start = time.perf_counter()
            try:
                fault = find_fault(request, request.send(connection), expected)
            except (OSError, http.client.HTTPException) as error:
                fault = f"{request}: no response, {type(error).__name__}: {error}"
                connection.close()
            results.seconds[kind].append(time.perf_counter() - start)
            if fault:
                results.faults[kind].append(fault)
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(send_requests, seed) for seed in range(CLIENTS)]
        try:
            yield results
        finally:
            done.set()
        for client in clients:
            # Raise the exception of a client that failed, which would otherwise look like one without faults.
            client.result()


def find_fault(request: SoakRequest, response: tuple[int, bytes], expected: Expected) -> str | None:
    """Describe what is wrong with a response; None if it equals the response of one version.

    Args:
        request: The request.
        response: Status and body of the response.
        expected: The expected responses.
    """
    status, body = response
    if status != request.status:
        return f"{request}: {status} {body[:200]!r}"
    if response not in expected[request]:
        return f"{request}: neither version returns {body[:200]!r}"
    return None


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS_TO_ANSWER)
