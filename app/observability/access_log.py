"""Log line, request id and metrics of every request."""

import itertools
import logging
import re
import secrets
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import shorten
from app.observability.logging import ACCESS, RequestLine, RequestRecord
from app.observability.metrics.counters import OTHER, Counters

logger = logging.getLogger(ACCESS)

# Browsers must not guess content types, and other origins must not embed responses.
HEADERS: Final = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))
_PLAIN_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class AccessLog:
    """Add a request id and common headers to every response; log and, with `counters`, count every request.

    One middleware does all of this, since each adds a little time to every request.
    """

    def __init__(self, app: ASGIApp, counters: Counters | None = None) -> None:
        self.app = app
        self._counters = counters
        # A random prefix, so that ids are unique across processes and restarts.
        self._prefix, self._numbers = secrets.token_hex(4).encode(), itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, counters = time.perf_counter(), 500, self._counters
        request_id = _sent_id(scope) or b"%b-%x" % (self._prefix, next(self._numbers))

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *HEADERS, (b"x-request-id", request_id)]
            await send(message)

        if counters is not None:
            counters.in_flight += 1
        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            # The server logs the error; the note links it to the log line of the request.
            error.add_note(f"request id: {request_id.decode()}")
            raise
        finally:
            seconds = time.perf_counter() - start
            if counters is not None:
                counters.in_flight -= 1
                route = scope.get("route")
                counters.request(OTHER if route is None else route.path, scope["method"], status, seconds)
            if logger.isEnabledFor(logging.INFO):
                path = shorten(scope.get("raw_path", b"").decode("latin-1"), 200)
                line = RequestLine(scope["method"], path, status, 1000 * seconds, request_id.decode())
                # Not `logger.info`, which looks up the caller's position in the source.
                logger.handle(RequestRecord(line))


def _sent_id(scope: Scope) -> bytes | None:
    """Return the request id from the client if it is safe in headers and logs, else None."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value if _PLAIN_ID.fullmatch(value) else None
    return None
