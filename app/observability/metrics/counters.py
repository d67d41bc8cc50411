"""Counters and current state of one process."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.contract.errors import NotReady
from app.observability.metrics.rating_counters import ModelCounter
from app.scoring.registry import Registry

# Upper bounds in seconds, inclusive.
SECONDS: Final = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
)
# Replaces methods and paths that clients make up, each of which would be a separate series.
OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# Metric family and label values, and numbers that can be summed over workers.
Counts = Mapping[tuple[str, ...], list[float]]


@dataclass(frozen=True, slots=True)
class Condition:
    """The current state of a worker.

    Attributes:
        at: Time of this state by the monotonic clock, which all processes of the system share.
        started: Start time of the worker in seconds since 1970.
        in_flight: Number of requests in progress.
        ready: Whether every expected model is loaded.
        models: Name, digest and whether it is the default, for each model.
        resident_bytes: Resident memory, including shared pages; None if the system does not provide it.
        cpu_seconds: Processor time used.
    """

    at: float
    started: float
    in_flight: int
    ready: bool
    models: list[tuple[str, str, bool]]
    resident_bytes: int | None
    cpu_seconds: float


class Counters:
    """Counters of this process. Only the thread of the event loop calls them.

    Attributes:
        in_flight: Requests in progress.
        shed: Requests refused by load shedding.
        reloaded: Reloads of the store that succeeded.
        reloads_refused: Reloads refused because the store was invalid.
    """

    def __init__(self) -> None:
        self.in_flight = self.shed = self.reloaded = self.reloads_refused = 0
        self._started = time.time()
        self._requests: dict[tuple[str, str, int], list[float]] = {}
        self._models: dict[str, ModelCounter] = {}
        self._registry: Registry | None = None

    def watch(self, registry: Registry) -> None:
        """Count the predictions of the models of `registry` from now on; counters of a name continue."""
        for name, model in registry.models.items():
            model.scorer.counter = self._models.setdefault(name, ModelCounter())
        self._registry = registry

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a finished request.

        Args:
            route: Path template of the route, such as `/models/{name}`.
            method: HTTP method as sent.
            status: The HTTP status.
            seconds: Duration.
        """
        try:
            row = self._requests[route, method, status]
        except KeyError:
            method = method if method in _METHODS else OTHER
            row = self._requests.setdefault((route, method, status), [0.0] * (len(SECONDS) + 2))
        row[bisect_left(SECONDS, seconds)] += 1
        row[-1] += seconds

    def counts(self) -> Counts:
        """Return all counters; a histogram is its bucket counts (not cumulative), then the sum."""
        found: dict[tuple[str, ...], list[float]] = {("shed",): [self.shed]}
        for (route, method, status), row in self._requests.items():
            found["requests", route, method, str(status)] = [sum(row[:-1])]
            before = found.get(("seconds", route, method), [0.0] * len(row))
            found["seconds", route, method] = [a + b for a, b in zip(before, row, strict=True)]
        found["reloads", "ok"] = [self.reloaded]
        found["reloads", "refused"] = [self.reloads_refused]
        for name, counter in self._models.items():
            counter.add_up()
            found["pairs", name, "known"] = [sum(counter.stars[:-1])]
            found["pairs", name, "cold"] = [counter.cold]
            found["stars", name] = [*counter.stars]
            found["batches", name] = [*counter.batches]
            found["rankings", name] = [counter.rankings]
        return found

    def condition(self) -> Condition:
        """Return the current state of this process."""
        registry = self._registry
        models = [] if registry is None else [model.scorer for model in registry.models.values()]
        default = None if registry is None else registry.default
        return Condition(
            at=time.monotonic(),
            started=self._started,
            in_flight=self.in_flight,
            ready=registry is not None and _is_ready(registry),
            models=[(one.name, one.manifest.model_file.sha256, one.name == default) for one in models],
            resident_bytes=_resident_bytes(),
            cpu_seconds=time.process_time(),
        )


def _is_ready(registry: Registry) -> bool:
    try:
        registry.check_ready()
    except NotReady:
        return False
    return True


def _resident_bytes() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
