"""How the process logs: one line an event, on standard output, as text or as JSON."""

from __future__ import annotations

import logging
import logging.config
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from app.observability.log_handler import StdoutHandler

ACCESS: Final = "app.access"
_BLANK: Final = vars(logging.LogRecord(ACCESS, logging.INFO, "", 0, "", None, None))


class RequestLine(NamedTuple):
    """What is logged of a request: the message of a record, as text or by its fields.

    Attributes:
        method: As it was sent.
        path: Still percent-encoded, so that it cannot forge a line, and without the query, which holds ids.
        status: Of the answer.
        milliseconds: That it took.
        request_id: The one in the answer's header.
    """

    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str

    def __str__(self) -> str:
        """As text."""
        method, path, status, milliseconds, request_id = self
        return f"{method} {path} {status} {milliseconds:.1f} ms {request_id}"


class RequestRecord(logging.LogRecord):
    """A record of a request, made without looking for what no line tells: file, thread, process."""

    def __init__(self, line: RequestLine) -> None:
        created = time.time()
        self.__dict__.update(_BLANK, msg=line, created=created, msecs=1000 * (created % 1))


class _Formatter(logging.Formatter):
    """Formats the seconds of the time once a second, and not for each line."""

    _second, _seconds = -1, ""

    def format_seconds(self, record: logging.LogRecord, to_time: Callable[[float], time.struct_time]) -> str:
        second = int(record.created)
        if second != self._second:
            self._seconds = time.strftime(self.default_time_format, to_time(second))
            self._second = second
        return self._seconds


class TextFormatter(_Formatter):
    """Time, level, logger and message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """Format the local time."""
        return f"{self.format_seconds(record, time.localtime)},{int(record.msecs):03d}"


class JSONFormatter(_Formatter):
    """An object a line: time in UTC, level, logger, and the message or the fields of a request."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as JSON."""
        line: dict[str, Any] = {
            "time": f"{self.format_seconds(record, time.gmtime)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if type(record.msg) is RequestLine:
            method, path, status, milliseconds, request_id = record.msg
            line |= {"method": method, "path": path, "status": status}
            line |= {"milliseconds": round(milliseconds, 3), "request_id": request_id}
        else:
            line["message"] = _escape(record.getMessage())
            if record.exc_info:
                line["exception"] = _escape(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


def _escape(text: str) -> str:
    # Half surrogate pairs, which a file name can contain and JSON cannot.
    return text.encode("utf-8", "backslashreplace").decode()


def start_logging(level: str, log_format: str = "text") -> None:
    """Log to standard output from now on; see `logging_config`. Survives a fork."""
    logging.config.dictConfig(logging_config(level, log_format))


def stop_logging() -> None:
    """Write what is left. The end of a process does this by itself, `os._exit` does not."""
    logging.shutdown()


def logging_config(level: str, log_format: str = "text") -> dict[str, Any]:
    """Configuration for `logging.config.dictConfig`.

    Args:
        level: Least important lines of ours that are logged; the server beneath is heard from errors up.
        log_format: `text` or `json`.
    """
    # Its warnings are about what clients send, and each of those is answered.
    server = "DEBUG" if level == "debug" else "ERROR"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": TextFormatter if log_format == "text" else JSONFormatter}},
        "handlers": {"stdout": {"()": StdoutHandler, "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {
            "app": {"level": level.upper()},
            "uvicorn": {"level": server},
            "gunicorn.error": {"level": server, "propagate": True},
        },
    }
