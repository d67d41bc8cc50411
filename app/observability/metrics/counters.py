"""Counters and current state of one process. `exporter` has the name and the help of each metric."""

import os
import time
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Final

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

# Numbers by metric family and label values, which can be added up over workers: one number, or the bucket
# counts of a histogram (not cumulative) and its sum.
Values = Mapping[tuple[str, ...], list[float]]


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
        self._registry = Registry([], "", [])

    def instrument(self, registry: Registry) -> None:
        """Count the predictions of the models of `registry` from now on; counters of a name continue."""
        for name, model in registry.models.items():
            scale, before = model.scorer.manifest.scale, self._models.get(name)
            # Buckets of another scale cannot be added up.
            if before is None or before.scale.bounds != scale.bounds:
                self._models[name] = ModelCounter(scale)
            model.scorer.counter = self._models[name]
        self._registry = registry

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a finished request; `route` is a path template, such as `/models/{name}`."""
        try:
            row = self._requests[route, method, status]
        except KeyError:
            method = method if method in _METHODS else OTHER
            row = self._requests.setdefault((route, method, status), [0.0] * (len(SECONDS) + 2))
        row[bisect_left(SECONDS, seconds)] += 1
        row[-1] += seconds

    def counts(self) -> Values:
        """Return all counters, which continue after the end of this process."""
        found: dict[tuple[str, ...], list[float]] = {
            ("stars_shed_requests",): [self.shed],
            ("stars_reloads", "ok"): [self.reloaded],
            ("stars_reloads", "refused"): [self.reloads_refused],
        }
        for (route, method, status), row in self._requests.items():
            found["stars_http_requests", route, method, str(status)] = [sum(row[:-1])]
            key = "stars_http_request_duration_seconds", route, method
            found[key] = [a + b for a, b in zip(found.get(key, [0.0] * len(row)), row, strict=True)]
        for name, counter in self._models.items():
            counter.add_up()
            found["stars_pairs", name, "known"] = [sum(counter.ratings[:-1])]
            found["stars_pairs", name, "cold"] = [counter.cold]
            scale = f"{counter.scale.low:g}:{counter.scale.high:g}"
            found["stars_predicted_stars", name, scale] = [*counter.ratings]
            found["stars_batch_pairs", name] = [*counter.batches]
            found["stars_rankings", name] = [counter.rankings]
            pairs, squared, above, below = counter.compared_errors.tolist()
            found["stars_compared_pairs", name] = [pairs]
            found["stars_compared_squared_error", name] = [squared]
            found["stars_compared_error", name, "above"] = [above]
            found["stars_compared_error", name, "below"] = [below]
        return found

    def state(self, worker: str) -> Values:
        """Return the current state of this process, which has the label `worker`."""
        registry = self._registry
        found: dict[tuple[str, ...], list[float]] = {
            ("stars_ready_workers",): [int(registry.is_ready)],
            ("stars_http_requests_in_flight",): [self.in_flight],
            ("process_start_time_seconds", worker): [self._started],
            ("process_cpu_seconds", worker): [time.process_time()],
        }
        for name, model in registry.models.items():
            digest = model.scorer.manifest.model_file.sha256
            is_default = str(name == registry.default).lower()
            found["stars_model_info", name, digest, is_default] = [1]
        resident_bytes = _resident_bytes()
        if resident_bytes is not None:
            found["process_resident_memory_bytes", worker] = [resident_bytes]
        return found


def _resident_bytes() -> int | None:
    """Return the resident memory, including shared pages; None if the system does not provide it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
