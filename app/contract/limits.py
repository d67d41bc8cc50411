"""Limits of one request."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from training.artefact import MAX_ID_LENGTH

MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits of one request.

    Attributes:
        max_body_bytes: Bytes of a body.
        max_batch: Pairs of one call.
        max_id_length: Characters of an id.
        max_items: Best movies of one answer.
    """

    max_body_bytes: int = 8 * MIB
    max_batch: int = 100_000
    max_id_length: int = MAX_ID_LENGTH
    max_items: int = 1000


_DEFAULT: Final = Limits()
# Of the request that is validated. FastAPI passes no validation context to pydantic that could hold them.
LIMITS: Final[ContextVar[Limits]] = ContextVar("LIMITS", default=_DEFAULT)
