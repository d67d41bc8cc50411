"""From an answer to the bytes that carry it."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


class JSONAnswer(Response):
    """An answer of dataclasses, lists and numbers as JSON, or bytes that are JSON already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of `content`."""
        return content if isinstance(content, bytes) else orjson.dumps(content)
