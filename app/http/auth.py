"""API keys: loaded once at start-up, stored as digests, and checked by a middleware.

If API keys are configured, every path except those in `OPEN` needs one, sent as `Authorization: Bearer KEY`.
Paths below `/admin` need an admin key. The middleware runs before the router, so that paths which do not
exist need a key too, and no route has to check one.
"""

import hmac
import logging
import re
import stat
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from app.contract.errors import AdminOnly, BadSetting, KeyMissing, KeyUnknown, RequestError, shorten
from app.contract.paths import HEALTH
from app.contract.problems import error_response
from app.settings import PREFIX, Settings, unknown_variables

logger = logging.getLogger(__name__)

MIN_LENGTH: Final = 20
MAX_LENGTH: Final = 200
# The key of every request is compared with all of them.
MAX_KEYS: Final = 100
_MAX_FILE_BYTES: Final = 64 * 1024
# Syntax of a bearer token (RFC 6750).
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# Health probes have no key; the page prompts for one if a request is refused.
OPEN: Final = HEALTH | {"/", "/docs", "/openapi.json"}
OPEN_BELOW: Final = ("/page/", "/docs/")
ADMIN: Final = "/admin"
_CHALLENGE: Final = 'Bearer realm="ratings"'
# `WWW-Authenticate` headers with the error codes of RFC 6750.
_CHALLENGES: Final = {
    KeyMissing: _CHALLENGE,
    KeyUnknown: f'{_CHALLENGE}, error="invalid_token"',
    AdminOnly: f'{_CHALLENGE}, error="insufficient_scope"',
}


@dataclass(frozen=True, slots=True)
class Keys:
    """SHA-256 digests of the valid API keys.

    Attributes:
        reading: Keys for all paths except those below `/admin`. If empty, these paths need no key.
        admin: Keys for all paths. If empty, `/admin` does not exist.
    """

    reading: tuple[bytes, ...] = ()
    admin: tuple[bytes, ...] = ()

    def kind(self, key: bytes) -> Literal["reading", "admin"] | None:
        """Return the kind of `key`, or None. It is compared with every key, so that the time is constant."""
        digest = sha256(key).digest()
        is_reading = sum(hmac.compare_digest(digest, known) for known in self.reading)
        is_admin = sum(hmac.compare_digest(digest, known) for known in self.admin)
        return "admin" if is_admin else "reading" if is_reading else None


def load_keys(settings: Settings) -> Keys:
    """Load the keys from the settings, or from the files that these name.

    Raises:
        BadSetting: A file cannot be read, or a key is not valid. No message contains a key.
    """
    for name in unknown_variables():
        # A mistyped variable would leave the service open that was meant to need keys.
        if "KEY" in name.upper():
            raise BadSetting(
                f"{name}: not a known setting, but it looks like one for keys; see docs/settings.md"
            )
    reading = _load("API_KEYS", settings.api_keys, settings.api_keys_file)
    admin = _load("ADMIN_KEYS", settings.admin_keys, settings.admin_keys_file)
    if not set(reading).isdisjoint(admin):
        raise BadSetting(f"{PREFIX}ADMIN_KEYS: a key is also in {PREFIX}API_KEYS")
    return Keys(reading, admin)


def warn_of_open_access(settings: Settings, keys: Keys, address: str) -> None:
    """Log a warning if more callers than probably intended can use the service at an IP address."""
    for path in (settings.api_keys_file, settings.admin_keys_file):
        if path is not None and path.stat().st_mode & stat.S_IROTH:
            logger.warning("%s contains API keys and is readable by all users; run chmod o-r", path)
    if not (keys.reading or ip_address(address).is_loopback):
        logger.warning(
            "any client that can reach %s has access: no API keys are set (RATINGS_API_KEYS_FILE)", address
        )


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
            refusal = error_response(scope, error, {"WWW-Authenticate": _CHALLENGES[type(error)]})
            await refusal(scope, receive, send)

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


def _load(name: str, stated: SecretStr | None, path: Path | None) -> tuple[bytes, ...]:
    """Return the digests of the keys in the variable `name` or in the file named by `name`_FILE."""
    variable = f"{PREFIX}{name}"
    if stated is not None and path is not None:
        raise BadSetting(f"{variable}: {variable}_FILE is also set; set only one of them")
    if path is not None:
        place = f"{variable}_FILE: {shorten(str(path))}"
        lines = enumerate(_read(path, place).splitlines(), 1)
        found = [
            (f"{place}, line {number}", line) for number, line in lines if line.strip() and line[0] != "#"
        ]
        if not found:
            raise BadSetting(f"{place} contains no key")
    else:
        texts = [] if stated is None else stated.get_secret_value().removeprefix("\ufeff").split(",")
        found = [(f"{variable}: key {number}", text) for number, text in enumerate(texts, 1)]
    keys: list[str] = []
    for place, text in found:
        fault = _fault(text.strip(), keys)
        if fault is not None:
            raise BadSetting(f"{place} {fault}")
        keys.append(text.strip())
    return tuple(sha256(key.encode()).digest() for key in keys)


def _read(path: Path, place: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise BadSetting(f"{place} has more than {_MAX_FILE_BYTES} bytes")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise BadSetting(f"{place} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{place} is not UTF-8 text") from None


def _fault(key: str, before: list[str]) -> str | None:
    if not MIN_LENGTH <= len(key) <= MAX_LENGTH:
        return f"has {len(key)} characters; a key must have {MIN_LENGTH} to {MAX_LENGTH}"
    if not _TOKEN.fullmatch(key):
        return "is not a valid key: use letters, digits and ._~+/-, and = only at the end"
    if key in before:
        return "repeats an earlier key"
    return f"exceeds the limit of {MAX_KEYS} keys" if len(before) == MAX_KEYS else None
