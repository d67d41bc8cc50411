"""Traces by OpenTelemetry: a span a request. Imported only where `RATINGS_TRACES` asks for it.

Where spans go to, how many are kept and what the service is called there is said by OpenTelemetry's own
variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`, ...).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import BadSetting, shorten
from app.scoring.rating_counter import RatingCounter
from app.scoring.registry import Registry

SERVICE: Final = "stars"
# Asked every few seconds by machines, and the same every time.
UNTRACED: Final = frozenset({"/healthz", "/readyz", "/metrics"})
PROTOCOL: Final = "http/protobuf"
# A collector that does not answer must not hold up the stop.
FLUSH_SECONDS: Final = 1.0


class Tracing:
    """Makes spans and sends them away, in batches and from a thread of its own."""

    def __init__(self) -> None:
        """Prepare to export spans.

        Raises:
            BadSetting: A variable of OpenTelemetry names an exporter or a protocol that is not supported.
        """
        resource = Resource.create()
        if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": SERVICE}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = _exporter(os.environ)
        if exporter is not None:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))

    def watch(self, registry: Registry) -> None:
        """Have the models of `registry` name themselves in the spans of the requests that they answer."""
        for model in registry.models.values():
            if not isinstance(model.scorer.counter, _SpanCounter):
                model.scorer.counter = _SpanCounter(model.name, model.scorer.counter)

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, with a span for each request."""
        return TracingMiddleware(app, self._provider.get_tracer(SERVICE))

    def stop(self) -> None:
        """Send what is left, as far as there is somebody who takes it soon."""
        # Not joined any longer: it is a daemon, and the process ends without it.
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(FLUSH_SECONDS)


def _exporter(environment: Mapping[str, str]) -> SpanExporter | None:
    """The exporter that OpenTelemetry's own variables name; None for `none`."""
    name = environment.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    if name == "none":
        return None
    if name == "console":
        return ConsoleSpanExporter()
    if name != "otlp":
        raise BadSetting(
            f"OTEL_TRACES_EXPORTER: {shorten(name)!r} is not supported; use otlp, console or none"
        )
    for variable in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = environment.get(variable, "").strip()
        if protocol and protocol != PROTOCOL:
            raise BadSetting(f"{variable}: {shorten(protocol)!r} is not supported; use {PROTOCOL}")
        if protocol:
            break
    return OTLPSpanExporter()


class TracingMiddleware:
    """A span around every request that is no probe, a child of the caller's if the caller has one.

    It holds method, route, status, model and request id, and nothing that names a user.
    """

    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self.app = app
        self._tracer = tracer
        # Baggage, which others read by default, is for nobody here.
        self._callers = TraceContextTextMapPropagator()
        # It would log what callers send.
        logging.getLogger("opentelemetry.trace.span").setLevel(logging.ERROR)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.start_as_current_span(
            method,
            self._callers.extract(headers),
            trace.SpanKind.SERVER,
            {"http.request.method": method},
            # The text of an error may hold ids; the log has it.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            async def watch(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _tell_answer(span, message)
                await send(message)

            try:
                await self.app(scope, receive, watch)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                raise
            finally:
                route = scope.get("route")
                if route is not None:
                    span.set_attribute("http.route", route.path)
                    span.update_name(f"{method} {route.path}")


class _SpanCounter:
    """Names the model in the current span, and passes on what it is told."""

    def __init__(self, model: str, counter: RatingCounter) -> None:
        self._model, self._counter = model, counter

    def one(self, stars: float, /) -> None:
        self._name_model()
        self._counter.one(stars)

    def many(self, stars: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        self._name_model()
        self._counter.many(stars, known)

    def batch(self, pairs: int, /) -> None:
        trace.get_current_span().set_attribute("stars.pairs", pairs)
        self._counter.batch(pairs)

    def ranking(self) -> None:
        self._name_model()
        self._counter.ranking()

    def _name_model(self) -> None:
        trace.get_current_span().set_attribute("stars.model", self._model)


def _tell_answer(span: trace.Span, start: dict[str, Any] | Message) -> None:
    status = start["status"]
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(trace.StatusCode.ERROR)
    for name, value in start["headers"]:
        if name == b"x-request-id":
            span.set_attribute("stars.request_id", value.decode("latin-1"))
