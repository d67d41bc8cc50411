"""Limits on the size of one request."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from training.artefact import MAX_ID_LENGTH

MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits on the size of one request.

    Attributes:
        max_body_bytes: Bytes of the body.
        max_batch: Pairs.
        max_id_length: Characters of an id.
        max_items: Movies in a list of recommendations.
    """

    max_body_bytes: int = 8 * MIB
    max_batch: int = 100_000
    max_id_length: int = MAX_ID_LENGTH
    max_items: int = 1000


_DEFAULT: Final = Limits()
# The limits for the request that is validated. A context variable, because FastAPI does not pass a validation
# context to pydantic.
LIMITS: Final[ContextVar[Limits]] = ContextVar("LIMITS", default=_DEFAULT)
