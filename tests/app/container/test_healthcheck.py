"""The image's health check, against real sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.container.healthcheck import address_in, check
from app.settings import load_settings


class _IPv6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextmanager
def answering(status: int, host: str = "127.0.0.1") -> Iterator[int]:
    """Run a server that answers /readyz with a status, and yield its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    kind = _IPv6Server if ":" in host else ThreadingHTTPServer
    with kind((host, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_ready_service_is_healthy(host: str) -> None:
    with answering(200) as port:
        assert check(host, port) is None


@pytest.mark.parametrize("host", ["::1", "[::1]", "::", "[::]"])
def test_a_ready_service_on_ipv6_is_healthy(host: str) -> None:
    with answering(200, "::1") as port:
        assert check(host, port) is None


def test_proxy_settings_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with answering(200) as port:
        assert check("127.0.0.1", port) is None


@pytest.mark.parametrize(
    ("host", "port"), [("", ""), ("0.0.0.0", "8123"), ("::1", "tcp://10.43.0.17:8000"), (None, None)]
)
def test_address_is_that_of_the_service(
    monkeypatch: pytest.MonkeyPatch, host: str | None, port: str | None
) -> None:
    for name, value in (("RATINGS_HOST", host), ("RATINGS_PORT", port)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    settings = load_settings()
    assert address_in(os.environ) == (settings.host, settings.port)


def test_a_service_that_is_not_ready_is_unhealthy() -> None:
    with answering(503) as port:
        assert check("127.0.0.1", port) == f"127.0.0.1:{port} is not ready (status 503)"


def test_unreachable_service_is_unhealthy() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        reason = check("127.0.0.1", port)
    assert reason is not None and reason.startswith(f"127.0.0.1:{port} does not answer")
