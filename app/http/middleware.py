"""Small middlewares: CORS, HEAD answered as GET, an answer at shutdown."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import PreflightRefused, Stopping
from app.contract.problems import problem

# Headers of an answer's own body, which a problem has instead.
_BODY_HEADERS: Final = frozenset({"content-length", "content-type"})


class CORS(CORSMiddleware):
    """Starlette's, which refuses a preflight request with a problem, and not with a line of text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a browser that asks whether a page may make a call."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        headers = {name: value for name, value in answer.headers.items() if name not in _BODY_HEADERS}
        # "Disallowed CORS origin, method"
        return problem(PreflightRefused(bytes(answer.body).decode().rpartition("CORS ")[2]), headers)


class AnswerAtShutdown:
    """Answers a request that the server cancels because it outlasts the shutdown."""

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
            await problem(Stopping())(scope, receive, send)


class HeadAsGet:
    """Answers HEAD with what GET would say, without the body."""

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

        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, without_body)
        finally:
            # The router sets it, and the layers outside count by it.
            scope["route"] = as_get.get("route")
