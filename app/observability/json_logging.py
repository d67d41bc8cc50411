"""Log lines as JSON, an object a line."""

from __future__ import annotations

import logging
import time
from typing import Any

import orjson

from app.observability.logging import RequestLine


class JSONFormatter(logging.Formatter):
    """Time in UTC, level, logger, and the message or the fields of a request.

    The time's seconds are written out once a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second, self._written = -1, ""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        second = int(record.created)
        if second != self._second:
            self._written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        line: dict[str, Any] = {
            "time": f"{self._written}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if type(record.msg) is RequestLine:
            method, path, status, milliseconds, request_id = record.msg
            line["method"] = method
            line["path"] = path
            line["status"] = status
            line["milliseconds"] = round(milliseconds, 3)
            line["request_id"] = request_id
        else:
            line["message"] = _legible(record.getMessage())
            if record.exc_info:
                line["exception"] = _legible(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


def _legible(text: str) -> str:
    """Without half surrogate pairs, which a file name can hold and JSON cannot."""
    return text.encode("utf-8", "backslashreplace").decode()
