"""Middleware that checks API keys.

If API keys are configured, every path except those in `OPEN` needs one, sent as `Authorization: Bearer KEY`.
Paths below `/admin` need an admin key. The middleware runs before the router, so that paths which do not
exist need a key too, and no route has to check one.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.contract.errors import AdminOnly, KeyMissing, KeyUnknown, RequestError
from app.contract.problems import problem
from app.http.api_keys import Keys
from app.http.middleware import HeadAsGet

# Health probes have no key; the page prompts for one if a request is refused.
OPEN: Final = frozenset({"/healthz", "/readyz", "/", "/docs", "/openapi.json"})
OPEN_BELOW: Final = ("/page/", "/docs/")
ADMIN: Final = "/admin"
_CHALLENGE: Final = 'Bearer realm="ratings"'
# `WWW-Authenticate` headers with the error codes of RFC 6750.
_CHALLENGES: Final = {
    KeyMissing: _CHALLENGE,
    KeyUnknown: f'{_CHALLENGE}, error="invalid_token"',
    AdminOnly: f'{_CHALLENGE}, error="insufficient_scope"',
}


class ApiKeyMiddleware:
    """Forward requests that have a valid key, and refuse the others."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self.app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        error = self._check(scope) if scope["type"] == "http" else None
        if error is None:
            await self.app(scope, receive, send)
        else:
            refusal = problem(error, {"WWW-Authenticate": _CHALLENGES[type(error)]})
            await HeadAsGet(refusal)(scope, receive, send)

    def _check(self, scope: Scope) -> RequestError | None:
        """Return the reason to refuse the request, or None."""
        keys, path = self._keys, scope["path"]
        is_admin = bool(keys.admin) and (path == ADMIN or path.startswith(f"{ADMIN}/"))
        is_open = not keys.reading or path in OPEN or path.startswith(OPEN_BELOW)
        if is_open and not is_admin:
            return None
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if not sent:
            return KeyMissing()
        if len(sent) > 1 or sent[0][:7].lower() != b"bearer ":
            return KeyUnknown()
        kind = keys.kind(sent[0][7:].strip())
        if kind is None:
            return KeyUnknown()
        return AdminOnly() if is_admin and kind != "admin" else None
