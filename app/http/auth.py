"""API keys as a middleware: who may call which address.

With API keys set, every address needs one but those in `OPEN`; it is sent as `Authorization: Bearer KEY`.
Addresses below `/admin` need an admin key. It stands in front of the router, so that addresses which do not
exist need a key, too, and no route has to check one.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.contract.errors import AdminOnly, KeyMissing, KeyUnknown, RequestError
from app.contract.problems import problem
from app.http.api_keys import Keys
from app.http.middleware import HeadAsGet

# Probes have no keys; the page asks for one itself when a call is refused; the documentation says how.
OPEN: Final = frozenset({"/healthz", "/readyz", "/", "/docs", "/openapi.json"})
OPEN_BELOW: Final = ("/page/", "/docs/")
ADMIN: Final = "/admin"
_CHALLENGE: Final = 'Bearer realm="ratings"'
# With the codes of RFC 6750.
_CHALLENGES: Final = {
    KeyMissing: _CHALLENGE,
    KeyUnknown: f'{_CHALLENGE}, error="invalid_token"',
    AdminOnly: f'{_CHALLENGE}, error="insufficient_scope"',
}


class ApiKeyMiddleware:
    """Passes on requests with a key, and answers the others."""

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
        """Why the request may not pass, or None."""
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
