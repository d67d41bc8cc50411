"""What surrounds every request: one log line, an answer even when cut off, HEAD answered as GET."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.error_handlers import kind_of, problem
from app.errors import Stopping, shorten

logger = logging.getLogger("app.access")


class AccessLog:
    """Logs a line a request: method, address without its query (which holds ids), status, milliseconds."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not logger.isEnabledFor(logging.INFO):
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            # The raw path is still percent-encoded, so it cannot forge a line.
            path = _shown(scope.get("raw_path", b""))
            milliseconds = 1000 * (time.perf_counter() - start)
            line = f"{scope['method']} {path} {status} {milliseconds:.1f} ms"
            # Not `logger.info`: it walks the stack for the caller's place, which no line tells.
            logger.handle(logging.LogRecord(logger.name, logging.INFO, "", 0, line, None, None))


def _shown(raw_path: bytes) -> str:
    return shorten(raw_path.decode("latin-1"), 200)


class AnswerWhenCutOff:
    """Answers a request that the server cancels, which it does to those that outlast its stop."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except asyncio.CancelledError:
            if scope["type"] != "http" or started:
                raise
            await problem(kind_of(Stopping), str(Stopping()))(scope, receive, send)


class HeadAsGet:
    """Answers HEAD with what GET would say, less the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, without_body)
