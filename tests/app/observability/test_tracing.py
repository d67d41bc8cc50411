"""Traces as a collector receives them over HTTP."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.contract.errors import BadSetting
from app.contract.paths import HEALTH
from app.observability.tracing import Tracing
from tests.app.processes import command, free_port, running
from tests.conftest import REPOSITORY


class Collector(ThreadingHTTPServer):
    """A server that receives spans by OTLP over HTTP, and stores them."""

    daemon_threads = True

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[dict[str, Any]]:
        """Return the name, trace, parent, duration, attributes and service of each span."""
        return [
            {
                **_values(span.attributes),
                "name": span.name,
                "service": _values(resource.resource.attributes)["service.name"],
                "trace": span.trace_id.hex(),
                "parent": span.parent_span_id.hex(),
                "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
            }
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()


def test_collector_receives_one_span_per_request(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with (
            running(shared_store, traces=True) as server,
            httpx2.Client(base_url=server.url, timeout=60) as client,
        ):
            parent = {
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "x-request-id": "mine",
                # These must not appear in spans or in the log.
                "baggage": "user_6;" * 8000,
                "tracestate": "no member user_6",
            }
            client.post("/predict", json={"user_id": "user_1", "movie_id": "movie_1"}, headers=parent)
            client.get("/predict?user_id=user_2&movie_id=movie_1&model=memory_efficient")
            client.post(
                "/predict/batch", json={"user_ids": ["user_3"] * 5000, "movie_ids": ["movie_2"] * 5000}
            )
            client.get("/recommend?user_id=user_4")
            client.get("/predict?user_id=user_nobody&movie_id=movie_1")
            client.get("/models/baseline")
            client.get("/nope/user_5")
            for probe in (*HEALTH, "/metrics"):
                assert client.get(probe).status_code == 200
            # The remaining spans are sent when the service stops.
            server.process.send_signal(signal.SIGTERM)
            output, errors = server.process.communicate(timeout=60)
        assert server.process.returncode == 0 and errors == ""
        assert "WARNING" not in output and "ERROR" not in output and "user_6" not in output
        spans = collector.spans()
        assert b"user_" not in b"".join(collector.bodies)
    status, model = "http.response.status_code", "stars.model"
    assert [(span["name"], span[status], span.get(model)) for span in spans] == [
        ("POST /predict", 200, "baseline"),
        ("GET /predict", 200, "memory_efficient"),
        ("POST /predict/batch", 200, "baseline"),
        ("GET /recommend", 200, "baseline"),
        ("GET /predict", 404, "baseline"),
        ("GET /models/{name}", 200, None),
        ("GET", 404, None),
    ]
    assert spans[0]["trace"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (spans[0]["parent"], spans[0]["stars.request_id"]) == ("00f067aa0ba902b7", "mine")
    assert spans[2]["stars.pairs"] == 5000
    assert all(span["service"] == "stars" and 0 < span["seconds"] < 60 for span in spans)


@pytest.mark.long
def test_unreachable_collector_delays_nothing(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    with running(shared_store, traces=True) as server:
        assert httpx2.get(f"{server.url}/predict?user_id=1&movie_id=1").status_code == 200
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=10)
        assert time.monotonic() - start < 5
        assert server.process.returncode == 0


NOT_INSTALLED = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.sdk"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""


def test_traces_without_opentelemetry_end_the_start_with_one_line(
    shared_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NOT_INSTALLED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = command(shared_store, port=free_port(), traces=True)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("cannot start: RATINGS_TRACES: opentelemetry.sdk is not installed")
    assert errors.count("\n") == 1
    with running(shared_store) as server:
        assert httpx2.get(f"{server.url}/readyz", timeout=60).status_code == 200


def test_opentelemetry_is_imported_only_if_enabled() -> None:
    code = "import sys, app.main, app.server; print([n for n in sys.modules if 'opentelemetry.sdk' in n])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "use otlp, console or none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "use http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "use http/protobuf"),
    ],
)
def test_an_unsupported_opentelemetry_variable_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, advice: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=f"^{variable}: '{value}' is not supported; {advice}$"):
        Tracing()


def test_the_protocol_for_traces_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
    Tracing().stop()


def test_no_span_is_exported_with_the_exporter_none(
    shared_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
        with running(shared_store, traces=True) as server:
            assert httpx2.get(f"{server.url}/models").status_code == 200
        assert collector.bodies == []
