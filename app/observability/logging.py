"""How the process logs: one line an event, on standard output, as text or as JSON."""

from __future__ import annotations

import logging
import logging.config
import time
from typing import Any, Final, NamedTuple

# By the setting's value. The one for JSON is imported where it is asked for.
_FORMATTERS: Final = {
    "text": "app.observability.logging.LineFormatter",
    "json": "app.observability.json_logging.JSONFormatter",
}

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


class LineFormatter(logging.Formatter):
    """Time, level, logger and message. The time's seconds are written out once a second."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._second, self._written = -1, ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """As by default, `2026-01-31 12:00:00,123`."""
        second = int(record.created)
        if second != self._second:
            self._written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second = second
        return f"{self._written},{int(record.msecs):03d}"


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
        "formatters": {"line": {"()": _FORMATTERS[log_format]}},
        "handlers": {"stdout": {"()": "app.observability.log_handler.StdoutHandler", "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {"app": {"level": level.upper()}, "uvicorn": {"level": server}},
    }
