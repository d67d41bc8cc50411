"""All that one process counts, and what it tells of how it is."""

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
# Stands for what clients may make up: each method or address would be a series of its own.
OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# A family and the values of its labels, and numbers that may be added up over workers.
Counts = Mapping[tuple[str, ...], list[float]]


@dataclass(frozen=True, slots=True)
class Condition:
    """How a worker is right now.

    Attributes:
        at: When, in seconds since 1970.
        started: When it started, likewise.
        in_flight: Requests that it works on.
        ready: Whether every expected model is loaded.
        models: Name, digest, and whether it is the default one, of each model.
        resident_bytes: Its memory, with what it shares with others; None where the system does not tell.
        cpu_seconds: Processor time that it took.
    """

    at: float
    started: float
    in_flight: int
    ready: bool
    models: list[tuple[str, str, bool]]
    resident_bytes: int | None
    cpu_seconds: float


class Tallies:
    """Counts what happens in this process. Only the event loop's thread calls it.

    Attributes:
        in_flight: Requests that are worked on now.
        shed: Requests that were turned away because there were too many.
        reloaded: Times that the store was read anew.
        reloads_refused: Times that it was not fit to be.
    """

    def __init__(self) -> None:
        self.in_flight = self.shed = self.reloaded = self.reloads_refused = 0
        self._started = time.time()
        self._requests: dict[tuple[str, str, int], list[float]] = {}
        self._models: dict[str, ModelCounter] = {}
        self._registry: Registry | None = None

    def watch(self, registry: Registry) -> None:
        """Count from now on what the models of `registry` answer; a name goes on where it was."""
        for name, model in registry.models.items():
            model.scorer.counter = self._models.setdefault(name, ModelCounter())
        self._registry = registry

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            route: The address as the route has it, `/models/{name}`.
            method: As it was sent.
            status: The HTTP status.
            seconds: What it took.
        """
        try:
            row = self._requests[route, method, status]
        except KeyError:
            method = method if method in _METHODS else OTHER
            row = self._requests.setdefault((route, method, status), [0.0] * (len(SECONDS) + 2))
        row[bisect_left(SECONDS, seconds)] += 1
        row[-1] += seconds

    def counts(self) -> Counts:
        """All that was counted; a histogram as the counts of its buckets, each alone, and the sum."""
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
        """How this process is right now."""
        registry = self._registry
        models = [] if registry is None else [model.scorer for model in registry.models.values()]
        default = None if registry is None else registry.default
        return Condition(
            at=time.time(),
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
