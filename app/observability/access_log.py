"""The log line, the id and the counts of every request."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import shorten
from app.observability.logging import ACCESS, RequestLine, RequestRecord
from app.observability.metrics.counters import OTHER, Tallies

logger = logging.getLogger(ACCESS)

# A browser takes an answer for what it says it is, and only pages from here may read one unasked.
HEADERS: Final = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))
_PLAIN_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class AccessLog:
    """Gives every request an id, and every answer the headers of all; logs and counts what was answered.

    One layer for all of this, since each costs every request a little.
    """

    def __init__(self, app: ASGIApp, tallies: Tallies | None = None) -> None:
        """Surround `app`.

        Args:
            app: What answers.
            tallies: Where to count, if anywhere.
        """
        self.app = app
        self._tallies = tallies
        # Two processes never make the same ids, nor one and those that take its place.
        self._prefix, self._numbers = secrets.token_hex(4).encode(), itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, tallies = time.perf_counter(), 500, self._tallies
        request_id = _sent_id(scope) or b"%b-%x" % (self._prefix, next(self._numbers))

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *HEADERS, (b"x-request-id", request_id)]
            await send(message)

        if tallies is not None:
            tallies.in_flight += 1
        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            # The server logs it, and whoever reads that may look for the request's own line.
            error.add_note(f"request id: {request_id.decode()}")
            raise
        finally:
            seconds = time.perf_counter() - start
            if tallies is not None:
                tallies.in_flight -= 1
                route = scope.get("route")
                tallies.request(OTHER if route is None else route.path, scope["method"], status, seconds)
            if logger.isEnabledFor(logging.INFO):
                path = shorten(scope.get("raw_path", b"").decode("latin-1"), 200)
                line = RequestLine(scope["method"], path, status, 1000 * seconds, request_id.decode())
                # Not `logger.info`: it walks the stack for the caller's place, which no line tells.
                logger.handle(RequestRecord(line))


def _sent_id(scope: Scope) -> bytes | None:
    """The request id that the caller sent, if it is fit to be repeated in headers and logs."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value if _PLAIN_ID.fullmatch(value) else None
    return None
