"""How the process logs: one line an event, on standard output."""

from __future__ import annotations

from typing import Any


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
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}
        },
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {"app": {"level": level.upper()}, "uvicorn": {"level": server}},
    }
