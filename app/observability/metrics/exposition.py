"""From counts to Prometheus's text, by its own library. `docs/monitoring.md` describes each metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from app.observability.metrics.counters import SECONDS, Condition, Counts
from app.observability.metrics.rating_counters import BATCHES, STARS
from app.observability.metrics.worker_files import Snapshot, add_up

_SERVED: Final = frozenset({"application/openmetrics-text", "text/plain", "text/*", "*/*"})


def expose(snapshots: Sequence[Snapshot], workers: int, accept: str) -> tuple[bytes, str]:
    """Metrics of all workers together.

    Args:
        snapshots: One of each worker.
        workers: How many there should be.
        accept: The header `Accept` of whoever asks.

    Returns:
        The text, and its content type.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sum(snapshots, workers))
    encode, content_type = choose_encoder(_preferred(accept))
    return encode(registry), content_type


def _preferred(accept: str) -> str:
    """Return the media range that the client prefers among those that can be served, by RFC 9110.

    `choose_encoder` takes the first one that it knows, and ignores the weights.
    """
    for media_range, quality in parse_accept_header(accept, MIMEAccept):
        if quality > 0 and media_range.partition(";")[0] in _SERVED:
            return str(media_range)
    return ""


class _Sum(Collector):
    """What the workers counted, added up."""

    def __init__(self, snapshots: Sequence[Snapshot], workers: int) -> None:
        self._counts = add_up(one.counts for one in snapshots)
        self._alive = [(one.worker, one.condition) for one in snapshots if one.condition is not None]
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        """The families."""
        yield from _of_requests(self._counts)
        yield from _of_models(self._counts)
        yield from _of_workers(self._alive, self._workers)


def _of_requests(counts: Counts) -> Iterator[Metric]:
    total = CounterMetricFamily(
        "stars_http_requests", "Requests answered.", labels=["route", "method", "status"]
    )
    seconds = HistogramMetricFamily(
        "stars_http_request_duration_seconds",
        "From the request's head to the end of its answer.",
        labels=["route", "method"],
    )
    by_route: dict[tuple[str, ...], list[float]] = {}
    for (route, method, status), row in _family(counts, "requests"):
        total.add_metric([route, method, status], sum(row[:-1]))
        by_route = dict(add_up([by_route, {(route, method): row}]))
    for labels, row in by_route.items():
        _add_histogram(seconds, labels, SECONDS, row)
    shed = CounterMetricFamily("stars_shed_requests", "Requests turned away because there were too many.")
    for _, (count,) in _family(counts, "shed"):
        shed.add_metric([], count)
    reloads = CounterMetricFamily(
        "stars_reloads",
        "Times that a worker read the store anew, or refused it as unfit.",
        labels=["outcome"],
    )
    for labels, (count,) in _family(counts, "reloads"):
        reloads.add_metric(labels, count)
    yield from (total, seconds, shed, reloads)


def _of_models(counts: Counts) -> Iterator[Metric]:
    pairs = CounterMetricFamily(
        "stars_pairs", "Pairs asked for: known to the model, or with a cold side.", labels=["model", "ids"]
    )
    predicted = HistogramMetricFamily(
        "stars_predicted_stars", "Stars that the model gave pairs that it knows.", labels=["model"]
    )
    for labels, row in _family(counts, "stars"):
        pairs.add_metric([*labels, "known"], sum(row[:-1]))
        _add_histogram(predicted, labels, STARS, row)
    for labels, (count,) in _family(counts, "cold"):
        pairs.add_metric([*labels, "cold"], count)
    batches = HistogramMetricFamily("stars_batch_pairs", "Pairs of a batch.", labels=["model"])
    for labels, row in _family(counts, "batches"):
        _add_histogram(batches, labels, BATCHES, row)
    rankings = CounterMetricFamily(
        "stars_rankings", "Lists of best movies, and new users that a model was fitted to.", labels=["model"]
    )
    for labels, (count,) in _family(counts, "rankings"):
        rankings.add_metric(labels, count)
    yield from (pairs, predicted, batches, rankings)


def _of_workers(alive: Sequence[tuple[str, Condition]], workers: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("stars_workers", "Workers that there should be.", value=workers)
    ready = sum(condition.ready for _, condition in alive)
    yield GaugeMetricFamily("stars_ready_workers", "Workers with every expected model loaded.", value=ready)
    in_flight = sum(condition.in_flight for _, condition in alive)
    yield GaugeMetricFamily("stars_http_requests_in_flight", "Requests that are worked on.", value=in_flight)
    model_info = GaugeMetricFamily(
        "stars_model_info", "1 for each model that a worker serves.", labels=["model", "sha256", "default"]
    )
    for name, digest, default in sorted({model for _, condition in alive for model in condition.models}):
        model_info.add_metric([name, digest, str(default).lower()], 1)
    yield model_info
    memory = GaugeMetricFamily(
        "process_resident_memory_bytes",
        "Memory of a worker, with the tables that it shares with the others.",
        labels=["worker"],
    )
    started = GaugeMetricFamily(
        "process_start_time_seconds", "When a worker started, in seconds since 1970.", labels=["worker"]
    )
    cpu = CounterMetricFamily("process_cpu_seconds", "Processor time of a worker.", labels=["worker"])
    for worker, condition in alive:
        if condition.resident_bytes is not None:
            memory.add_metric([worker], condition.resident_bytes)
        started.add_metric([worker], condition.started)
        cpu.add_metric([worker], condition.cpu_seconds)
    yield from (memory, started, cpu)


def _family(counts: Counts, name: str) -> Iterator[tuple[tuple[str, ...], list[float]]]:
    return ((key[1:], row) for key, row in sorted(counts.items()) if key[0] == name)


def _add_histogram(
    family: HistogramMetricFamily, labels: Iterable[str], bounds: Sequence[float], row: Sequence[float]
) -> None:
    """Add a histogram to `family`.

    Args:
        family: Where to.
        labels: Its values.
        bounds: n upper bounds.
        row: n + 2 numbers: what lies at most at each bound and above the one before, above all, and the sum.
    """
    names = [*(_bound(bound) for bound in bounds), "+Inf"]
    buckets = list(zip(names, accumulate(row[:-1]), strict=True))
    family.add_metric(list(labels), buckets=buckets, sum_value=row[-1])


def _bound(bound: float) -> str:
    return repr(float(bound))
