"""Small middlewares: CORS, HEAD requests, responses at shutdown, a path prefix."""

import asyncio
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import PreflightRefused, Stopping
from app.contract.problems import error_response, problem

# Headers that describe the body, which a problem document replaces.
_BODY_HEADERS: Final = frozenset({"content-length", "content-type"})

# Where such a path is also the prefix, it means the operation, and the page has a slash at its end.
OPERATIONS: Final = frozenset(
    {"/compare", "/healthz", "/metrics", "/movies", "/ratings", "/readyz", "/recommend", "/users"}
)


class CORS(CORSMiddleware):
    """Starlette's CORS middleware, with refused preflight requests reported as problem documents."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the response to a preflight request."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        headers = {name: value for name, value in answer.headers.items() if name not in _BODY_HEADERS}
        # The body is, for example, "Disallowed CORS origin, method".
        return problem(PreflightRefused(bytes(answer.body).decode().rpartition("CORS ")[2]), headers)


class AnswerAtShutdown:
    """Send a response to a request that the server cancels because of the shutdown timeout."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if scope["type"] != "http" or started:
                raise
            await error_response(scope, Stopping())(scope, receive, send)


class HeadAsGet:
    """Answer HEAD like GET; the server omits the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, send)
        finally:
            # The router sets it on the copied scope; metrics and traces read it from the original.
            scope["route"] = as_get.get("route")


class RemoveRootPath:
    """Remove the prefix that a proxy set from the path of requests, unless the proxy has removed it."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(f"{self._root_path}/"):
                scope["path"] = path.removeprefix(self._root_path)
            elif path == self._root_path and path not in OPERATIONS:
                scope["path"] = "/"
        await self.app(scope, receive, send)


class AddRootPath:
    """Set `root_path` as ASGI defines it, as the beginning of the path; FastAPI uses it for URLs."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            scope.update(root_path=self._root_path, path=self._root_path + scope["path"])
        await self.app(scope, receive, send)
