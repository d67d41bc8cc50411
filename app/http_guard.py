"""Limits that uvicorn's HTTP/1.1 protocol lacks: on the size of heads, on time and on connections.

A request that offers another protocol (`Upgrade: h2c`, as `curl --http2` and Java's HttpClient send it) is
answered in HTTP/1.1, body included. `tests/app/test_http_guard.py` pins what is used of uvicorn.
"""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.settings import Settings

logger = logging.getLogger(__name__)

# Of a request line with its headers, or of trailers. The read that exceeds it is still parsed.
MAX_HEAD_BYTES: Final = 64 * 1024


def http_protocol(settings: Settings) -> "type[HttpGuard]":
    """The protocol for uvicorn's `http=` option, whose connections share the limits of `settings`."""
    return type("HttpProtocol", (HttpGuard,), {"limits": settings, "connected": {}})


class HttpGuard(HttpToolsProtocol):
    """A connection that checks once a second how long it has waited for its client."""

    limits: ClassVar[Settings]
    connected: ClassVar[dict["HttpGuard", None]]  # The oldest first.
    is_head_repeated = False
    # Received since the last whole head, piece of a body or request.
    head_bytes = 0
    # The limit that applied at the last check, the latest request then, and since when both are the same.
    _waiting: tuple[str | None, RequestResponseCycle | None, float] = (None, None, 0.0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and end another one if there are too many."""
        super().connection_made(transport)
        self._transport = transport
        self._earlier: list[RequestResponseCycle] = []
        # `_check_timeout` ends idle connections; a keep-alive timer for each request would take more time.
        self.loop: Any = SimpleNamespace(create_task=self.loop.create_task, call_later=lambda *_: None)
        self._check_timeout()
        if len(self.connected) >= self.limits.max_connections:
            self._make_room()
        self.connected[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; uvicorn would notify only the last of several requests."""
        self._timer.cancel()
        self.connected.pop(self, None)
        for request in self._earlier:
            request.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        request = self.cycle
        is_body_due = request is not None and request.more_body
        self.head_bytes += len(data)
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                # The parser now expects the other protocol: make a new one expect the body of this request.
                headers = [header for header in self.cycle.scope["headers"] if header[0] != b"upgrade"]
                head = b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % header for header in headers)
                data = head + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.cycle.more_body = self.is_head_repeated = True
                self.cycle.message_event.clear()
            except httptools.HttpParserError:
                self.refuse("400 Bad Request")
                break
        if self.cycle is not request or (is_body_due and not request.more_body):
            self.head_bytes = 0
        elif self.head_bytes > MAX_HEAD_BYTES:
            self.refuse("431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """Start the request, unless it was started with the same head before."""
        if not self.is_head_repeated:
            previous = self.cycle
            super().on_headers_complete()
            if previous is not None and not previous.response_complete:
                self._earlier.append(previous)
        self.is_head_repeated = False

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self.head_bytes = 0
        super().on_body(body)

    def refuse(self, status: str) -> None:
        """Answer with a status alone and close, but answer earlier requests first."""
        if self._response_is_due():
            self.cycle.keep_alive = False
            self._transport.pause_reading()
        elif not self._transport.is_closing():
            logger.info("refused a connection: %s", status)
            headers = f"content-type: text/plain\r\ncontent-length: {len(status)}\r\nconnection: close\r\n"
            self._transport.write(f"HTTP/1.1 {status}\r\n{headers}\r\n{status}".encode())
            self._transport.close()

    def _response_is_due(self) -> bool:
        """Whether a response has begun, or the application has received a whole request."""
        self._earlier = [request for request in self._earlier if not request.response_complete]
        request = self.cycle
        if self._earlier or request is None or request.response_complete:
            return bool(self._earlier)
        return request.response_started or not request.more_body

    def _time_limit(self) -> str | None:
        """The setting that limits what the client has to do next; None while a response is due."""
        if self._transport.get_write_buffer_size():
            return "answer_seconds"
        if self._response_is_due():
            return None
        if self.cycle is None or self.cycle.response_complete:
            return "head_seconds" if self.head_bytes or self.cycle is None else "idle_seconds"
        return "body_seconds"

    def _check_timeout(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(1, self._check_timeout)
        limit, (last_limit, last_cycle, since) = self._time_limit(), self._waiting
        if limit != last_limit or self.cycle is not last_cycle:
            self._waiting = limit, self.cycle, loop.time()
        elif limit is not None and loop.time() - since > getattr(self.limits, limit):
            if limit == "body_seconds" or (limit == "head_seconds" and self.head_bytes):
                self.refuse("408 Request Timeout")
            else:
                self._transport.abort()

    def _make_room(self) -> None:
        """End the oldest connection without a whole request, or else one that waits for its client."""
        half_open = (one for one in self.connected if one.cycle is None or one.cycle.more_body)
        waiting = (one for one in self.connected if one._time_limit())
        ended = next(half_open, None) or next(waiting, None)
        if ended is None:
            self.refuse("503 Service Unavailable")
        else:
            del self.connected[ended]
            ended._transport.abort()
