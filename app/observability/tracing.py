"""Tracing with OpenTelemetry: one span per request. Imported only if `RATINGS_TRACES` enables it.

Exporter, sampling and service name are configured with the environment variables of OpenTelemetry (
`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`, ...).
"""

import logging
import os
import threading
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import BadSetting, shorten
from app.contract.paths import HEALTH, METRICS
from app.scoring.rating_counter import RatingCounter
from app.scoring.registry import Registry

SERVICE: Final = "stars"
# Requested every few seconds by machines.
UNTRACED: Final = HEALTH | {METRICS}
PROTOCOL: Final = "http/protobuf"
# A collector that does not respond must not delay the shutdown.
FLUSH_SECONDS: Final = 1.0


class Tracing:
    """Create spans, and export them in batches from a separate thread."""

    def __init__(self) -> None:
        """Set up the exporter.

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

    def instrument(self, registry: Registry) -> None:
        """Record the names of the models of `registry` in the spans of the requests that use them."""
        for model in registry.models.values():
            if not isinstance(model.scorer.counter, _SpanCounter):
                model.scorer.counter = _SpanCounter(model.name, model.scorer.counter)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Wrap `app`, so that each request has a span."""
        return TracingMiddleware(app, self._provider.get_tracer(SERVICE))

    def stop(self) -> None:
        """Export the remaining spans within `FLUSH_SECONDS`."""
        # A daemon thread, which does not keep the process alive after the timeout.
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(FLUSH_SECONDS)


def _exporter(environment: Mapping[str, str]) -> SpanExporter | None:
    """Return the exporter that the variables of OpenTelemetry select; None for `none`."""
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
    """Create a span for every request except health checks, as a child of the caller's span if it sends one.

    The span has method, route, status, model and request id, and nothing that identifies a user.
    """

    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self.app = app
        self._tracer = tracer
        # The default propagators also read baggage, which is not used here.
        self._callers = TraceContextTextMapPropagator()
        # This logger would write values that callers send.
        logging.getLogger("opentelemetry.trace.span").setLevel(logging.ERROR)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        with self._tracer.start_as_current_span(
            method,
            self._callers.extract(Headers(scope=scope)),
            trace.SpanKind.SERVER,
            {"http.request.method": method},
            # The message of an error may contain ids, so it is only logged.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            async def send_and_record(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _record_response(span, message)
                await send(message)

            try:
                await self.app(scope, receive, send_and_record)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                raise
            finally:
                route = scope.get("route")
                if route is not None:
                    span.set_attribute("http.route", route.path)
                    span.update_name(f"{method} {route.path}")


class _SpanCounter:
    """Record the model in the current span, and forward to another counter."""

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

    def compared(self, errors: NDArray[np.float64]) -> None:
        self._counter.compared(errors)

    def ranking(self) -> None:
        self._name_model()
        self._counter.ranking()

    def _name_model(self) -> None:
        trace.get_current_span().set_attribute("stars.model", self._model)


def _record_response(span: trace.Span, start: Message) -> None:
    status = start["status"]
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(trace.StatusCode.ERROR)
    span.set_attribute("stars.request_id", Headers(raw=start["headers"])["x-request-id"])
