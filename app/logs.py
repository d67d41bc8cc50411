"""How the process logs: one line an event, on standard output."""

from __future__ import annotations

import logging
import time
from typing import Any


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


def logging_config(level: str) -> dict[str, Any]:
    """Configuration for `logging.config.dictConfig`.

    Args:
        level: Least important lines of ours that are logged; the server beneath is heard from errors up.
    """
    # Its warnings are about what clients send, and each of those is answered.
    server = "DEBUG" if level == "debug" else "ERROR"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter}},
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}
        },
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {"app": {"level": level.upper()}, "uvicorn": {"level": server}},
    }
