"""API keys: read once at start, kept as digests, compared in constant time."""

from __future__ import annotations

import hmac
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr

from app.contract.errors import BadSetting, shorten
from app.settings import PREFIX, Settings, unknown_variables

MIN_LENGTH: Final = 20
MAX_LENGTH: Final = 200
# Each is compared with at every request.
MAX_KEYS: Final = 100
_MAX_FILE_BYTES: Final = 64 * 1024
# What a bearer token may be made of (RFC 6750).
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class Keys:
    """Who may call, as digests of keys.

    Attributes:
        reading: Keys of every address but those below `/admin`. Without any, those ask for none.
        admin: Keys of every address. Without any, there is no `/admin`.
    """

    reading: tuple[bytes, ...] = ()
    admin: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        """Whether any address asks for a key."""
        return bool(self.reading or self.admin)

    def kind(self, key: bytes) -> Literal["reading", "admin"] | None:
        """Which kind of key `key` is, or None. Held against every one, whichever it is."""
        digest, reading, admin = sha256(key).digest(), False, False
        for known in self.reading:
            reading |= hmac.compare_digest(digest, known)
        for known in self.admin:
            admin |= hmac.compare_digest(digest, known)
        return "admin" if admin else "reading" if reading else None


def load_keys(settings: Settings) -> Keys:
    """The keys that the settings state, or name the files of.

    Raises:
        BadSetting: They cannot be read, or one of them is not fit to be a key. No message tells a key.
    """
    for name in unknown_variables():
        # Mistyped, it would leave open what was meant to be closed.
        if "KEY" in name.upper():
            raise BadSetting(f"{name}: is no setting, and looks like one of API keys (docs/settings.md)")
    reading = _read("API_KEYS", settings.api_keys, settings.api_keys_file)
    admin = _read("ADMIN_KEYS", settings.admin_keys, settings.admin_keys_file)
    if not set(reading).isdisjoint(admin):
        raise BadSetting(f"{PREFIX}ADMIN_KEYS: a key is among {PREFIX}API_KEYS, too")
    return Keys(_digests(reading), _digests(admin))


def readable_by_others(settings: Settings) -> list[Path]:
    """Files of keys that every user of the machine may read."""
    files = (settings.api_keys_file, settings.admin_keys_file)
    return [path for path in files if path is not None and path.stat().st_mode & stat.S_IROTH]


def _digests(keys: list[str]) -> tuple[bytes, ...]:
    return tuple(sha256(key.encode()).digest() for key in keys)


def _read(name: str, stated: SecretStr | None, path: Path | None) -> list[str]:
    """The keys of the variable `name`, or of the file that its sibling names."""
    variable = f"{PREFIX}{name}"
    if stated is not None and path is not None:
        raise BadSetting(f"{variable}: {variable}_FILE is set, too; set one of them")
    if stated is not None:
        return _checked(stated.get_secret_value().split(","), f"{variable}: key")
    if path is not None:
        # A blank place keeps the numbers of the lines right.
        lines = ["" if line.startswith("#") else line for line in _read_lines(path, f"{variable}_FILE")]
        keys = _checked(lines, f"{variable}_FILE: {shorten(str(path))}, line", may_be_blank=True)
        if not keys:
            raise BadSetting(f"{variable}_FILE: {shorten(str(path))} holds no key")
        return keys
    return []


def _read_lines(path: Path, variable: str) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise BadSetting(f"{variable}: {shorten(str(path))} has more than {_MAX_FILE_BYTES} bytes")
        return content.decode().splitlines()
    except OSError as error:
        raise BadSetting(f"{variable}: cannot read {shorten(str(path))}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{variable}: {shorten(str(path))} is not UTF-8 text") from None


def _checked(texts: Iterable[str], place: str, may_be_blank: bool = False) -> list[str]:
    """The keys that `texts` are; `place` and a number say which of them is none."""
    keys: list[str] = []
    for number, key in enumerate(map(str.strip, texts), 1):
        if may_be_blank and not key:
            continue
        fault = _fault(key, keys)
        if fault is not None:
            raise BadSetting(f"{place} {number} {fault}")
        keys.append(key)
    return keys


def _fault(key: str, before: list[str]) -> str | None:
    if not MIN_LENGTH <= len(key) <= MAX_LENGTH:
        return f"has {len(key)} characters, a key has {MIN_LENGTH} to {MAX_LENGTH}"
    if not _TOKEN.fullmatch(key):
        return "is no key: letters, digits and ._~+/- may be in it, and = at its end"
    if key in before:
        return "is a key that was there before"
    return f"is one too many, {MAX_KEYS} keys are enough" if len(before) == MAX_KEYS else None
