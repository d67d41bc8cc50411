"""Share the counts of this worker with the others, and export the metrics of all in Prometheus's formats.

`docs/monitoring.md` describes each metric.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from app.observability.metrics.counters import SECONDS, Counters, Values
from app.observability.metrics.rating_counters import BATCHES, rating_bounds
from app.observability.metrics.worker_files import Snapshot, WorkerFile, add_up
from training.artefact import RatingScale

_SERVED: Final = frozenset({"application/openmetrics-text", "text/plain", "text/*", "*/*"})


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric family: its type, help, labels, and for a histogram the upper bounds of its buckets."""

    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: Sequence[str] = ()
    bounds: Sequence[float] = ()


# By name, which is the first part of a key of `Values`; the other parts are label values.
_FAMILIES: Final = {
    "stars_http_requests": _Family("counter", "Requests that got a response.", ("route", "method", "status")),
    "stars_http_request_duration_seconds": _Family(
        "histogram",
        "Time from the head of a request to the end of its response.",
        ("route", "method"),
        SECONDS,
    ),
    "stars_shed_requests": _Family("counter", "Requests refused because there were too many."),
    "stars_reloads": _Family(
        "counter", "Reloads of the store by a worker, by outcome: ok or refused.", ("outcome",)
    ),
    "stars_pairs": _Family(
        "counter", "Requested pairs: known to the model, or with a cold side.", ("model", "ids")
    ),
    "stars_predicted_stars": _Family(
        "histogram", "Predicted ratings of pairs that the model knows.", ("model", "scale")
    ),
    "stars_batch_pairs": _Family("histogram", "Pairs of a batch.", ("model",), BATCHES),
    "stars_rankings": _Family("counter", "Recommendation lists, and predictions for new users.", ("model",)),
    "stars_compared_pairs": _Family("counter", "Pairs of /compare with a given rating.", ("model",)),
    "stars_compared_squared_error": _Family(
        "counter", "Sum of the squared differences of predicted and given ratings.", ("model",)
    ),
    "stars_compared_error": _Family(
        "counter",
        "Sum of the differences, by whether the prediction is above or below the given rating.",
        ("model", "direction"),
    ),
    "stars_workers": _Family("gauge", "Configured number of workers."),
    "stars_ready_workers": _Family("gauge", "Workers with every expected model loaded."),
    "stars_http_requests_in_flight": _Family("gauge", "Requests in progress."),
    "stars_model_info": _Family(
        "gauge", "1 for each model that a worker serves.", ("model", "sha256", "default")
    ),
    "process_resident_memory_bytes": _Family(
        "gauge", "Resident memory of a worker, including pages shared with the others.", ("worker",)
    ),
    "process_start_time_seconds": _Family(
        "gauge", "Start time of a worker in seconds since 1970.", ("worker",)
    ),
    "process_cpu_seconds": _Family("counter", "Processor time of a worker.", ("worker",)),
}
INTERVAL_SECONDS: Final = 0.25


class Exporter:
    """Exports the metrics of this worker and of the other workers."""

    def __init__(self, counters: Counters, worker_file: WorkerFile | None, workers: int) -> None:
        """Export `counters`, or with a `worker_file` the sums over all `workers`."""
        self._counters, self._worker_file, self._workers = counters, worker_file, workers

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their content type, for the `Accept` header of a request."""
        counts, state = self._values()
        snapshots = [Snapshot("0", counts, state)]
        if self._worker_file is not None:
            # Their files are small, and cached, because they were written less than a second ago.
            snapshots = [self._worker_file.snapshot(counts, state), *self._worker_file.others()]
        return expose(snapshots, self._workers, accept)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """Share the counts with the other workers, regularly within the block and once at its end."""
        stopping = asyncio.Event()
        task = asyncio.create_task(self._share(stopping))
        try:
            yield
        finally:
            stopping.set()
            await task

    async def _share(self, stopping: asyncio.Event) -> None:
        is_last = False
        while not is_last:
            is_last = stopping.is_set()
            # Without other workers, too, because this empties the lists of counted predictions.
            counts, state = self._values()
            if self._worker_file is not None:
                # In a thread, because a disk may be slow.
                await asyncio.to_thread(self._worker_file.write, counts, state)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), INTERVAL_SECONDS)

    def _values(self) -> tuple[Values, Values]:
        worker = "0" if self._worker_file is None else self._worker_file.worker
        return self._counters.counts(), self._counters.state(worker)


def expose(snapshots: Sequence[Snapshot], workers: int, accept: str) -> tuple[bytes, str]:
    """Write the metrics of all workers for an `Accept` header, and return them with their content type.

    `snapshots` has one entry per worker that runs or has run, `workers` is the configured number.
    """
    encode, content_type = choose_encoder(_preferred(accept))
    return encode(_SumOfWorkers(snapshots, workers)), content_type


def _preferred(accept: str) -> str:
    """Return the media range that the client prefers among those that can be served, by RFC 9110.

    `choose_encoder` takes the first one that it knows, and ignores the weights.
    """
    # Imported by the first scrape: werkzeug would delay every start.
    from werkzeug.datastructures import MIMEAccept
    from werkzeug.http import parse_accept_header

    for media_range, quality in parse_accept_header(accept, MIMEAccept):
        if quality > 0 and media_range.partition(";")[0] in _SERVED:
            return str(media_range)
    return ""


class _SumOfWorkers(Collector):
    """The counts and states of all workers, added up."""

    def __init__(self, snapshots: Sequence[Snapshot], workers: int) -> None:
        values = [values for one in snapshots for values in (one.counts, one.state)]
        self._values = dict(sorted(add_up([*values, {("stars_workers",): [workers]}]).items()))

    def collect(self) -> Iterator[Metric]:
        """Collect the metric families."""
        for name, family in _FAMILIES.items():
            yield _metric(name, family, {key[1:]: row for key, row in self._values.items() if key[0] == name})


def _rating_bounds(scale: str) -> list[float]:
    low, high = map(float, scale.split(":"))
    return rating_bounds(RatingScale(low, high))


def _metric(name: str, family: _Family, rows: Values) -> Metric:
    if family.type == "histogram":
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        for labels, row in rows.items():
            bounds = [*map(repr, family.bounds or _rating_bounds(labels[-1])), "+Inf"]
            buckets = list(zip(bounds, accumulate(row[:-1]), strict=True))
            histogram.add_metric(labels, buckets=buckets, sum_value=row[-1])
        return histogram
    family_type = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
    metric = family_type(name, family.help, labels=family.labels)
    for labels, (value,) in rows.items():
        # The number of workers that serve a model is not exposed.
        metric.add_metric(labels, 1 if name == "stars_model_info" else value)
    return metric
