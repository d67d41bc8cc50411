"""Logging to standard output, one line per event, as text or JSON."""

import logging
import logging.config
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from app.observability.log_handler import StdoutHandler

ACCESS: Final = "app.access"
_BLANK: Final = vars(logging.LogRecord(ACCESS, logging.INFO, "", 0, "", None, None))


class RequestLine(NamedTuple):
    """Log message of a request, formatted as text or as fields.

    Attributes:
        method: HTTP method as sent.
        path: Percent-encoded, so that it cannot forge a line, and without the query, which contains ids.
        status: Status of the response.
        milliseconds: Duration.
        request_id: The id in the header of the response.
    """

    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str

    def __str__(self) -> str:
        """Format as text."""
        method, path, status, milliseconds, request_id = self
        return f"{method} {path} {status} {milliseconds:.1f} ms {request_id}"


class RequestRecord(logging.LogRecord):
    """A log record of a request, created without looking up the unused file, thread and process."""

    def __init__(self, line: RequestLine) -> None:
        created = time.time()
        self.__dict__.update(_BLANK, msg=line, created=created, msecs=1000 * (created % 1))


@lru_cache(maxsize=2)
def _format_seconds(second: int, to_time: Callable[[float], time.struct_time], time_format: str) -> str:
    """Format a time; once per second, and not for each line."""
    return time.strftime(time_format, to_time(second))


class TextFormatter(logging.Formatter):
    """Format time, level, logger and message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """Format the local time."""
        seconds = _format_seconds(int(record.created), time.localtime, self.default_time_format)
        return f"{seconds},{int(record.msecs):03d}"


class JSONFormatter(logging.Formatter):
    """Format a JSON object: time in UTC, level, logger, and the message or the fields of a request."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as JSON."""
        seconds = _format_seconds(int(record.created), time.gmtime, self.default_time_format)
        line: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
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
    # Lone surrogates can occur in file names, but not in JSON.
    return text.encode("utf-8", "backslashreplace").decode()


def start_logging(level: str, log_format: str = "text") -> None:
    """Log to standard output from now on; see `logging_config`. It keeps working after a fork."""
    logging.config.dictConfig(logging_config(level, log_format))


def logging_config(level: str, log_format: str = "text") -> dict[str, Any]:
    """Return the configuration for `logging.config.dictConfig`; `level` is that of the service's loggers."""
    # Servers log errors only: their warnings are about invalid requests, which get a response.
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
