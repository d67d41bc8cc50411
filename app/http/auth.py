"""The door: who may call which address.

With API keys set, every address asks for one but those in `OPEN`; it is sent as `Authorization: Bearer KEY`.
Whatever lies below `/admin` takes an admin key. So a route there needs no check of its own: `create_app`
includes its router only where admin keys are set, and the door lets nobody else through to it.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
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
# As RFC 6750 says it to programs.
_CHALLENGES: Final = {
    KeyMissing: _CHALLENGE,
    KeyUnknown: f'{_CHALLENGE}, error="invalid_token"',
    AdminOnly: f'{_CHALLENGE}, error="insufficient_scope"',
}


class Door:
    """Lets through who has a key, and answers the others."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self.app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            refused = self._refuse(scope)
            if refused is not None:
                await HeadAsGet(_refusal(refused))(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refuse(self, scope: Scope) -> RequestError | None:
        """Why the request may not pass, if it may not."""
        keys, path = self._keys, scope["path"]
        admin = bool(keys.admin) and is_admin(path)
        if not admin and (not keys.reading or is_open(path)):
            return None
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if not sent:
            return KeyMissing()
        if len(sent) > 1 or sent[0][:7].lower() != b"bearer ":
            return KeyUnknown()
        kind = keys.kind(sent[0][7:].strip())
        if kind is None:
            return KeyUnknown()
        return AdminOnly() if admin and kind != "admin" else None


def is_open(path: str) -> bool:
    """Whether an address never asks for a key."""
    return path in OPEN or path.startswith(OPEN_BELOW)


def is_admin(path: str) -> bool:
    """Whether an address is one of `/admin`."""
    return path == ADMIN or path.startswith(f"{ADMIN}/")


def _refusal(error: RequestError) -> Response:
    return problem(error, {"WWW-Authenticate": _CHALLENGES[type(error)]})
