"""JSON responses."""

from typing import Any

import orjson
from starlette.responses import Response


class JSONResponse(Response):
    """A response serialised by orjson when it is created, so that this can happen in a thread."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Serialise `content`: dataclasses, lists, arrays, numbers and strings."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
