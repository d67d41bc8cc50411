"""From the process that has checked everything to a supervisor of several workers, in one step."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from typing import NoReturn

from app.observability.metrics import FOLDER
from app.settings import Settings
from app.supervisor import SIGNALS

logger = logging.getLogger(__name__)


def become_supervisor(listener: socket.socket, settings: Settings) -> NoReturn:
    """Turn this process into the supervisor; what it has imported and loaded is gone.

    Args:
        listener: Bound; the workers will listen on it.
        settings: Of the workers.
    """
    # Until the supervisor has handlers: none is lost meanwhile, and none kills.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    listener.set_inheritable(True)
    if settings.metrics:
        try:
            os.environ[FOLDER] = tempfile.mkdtemp(prefix="ratings-metrics-")
        except OSError as error:
            logger.warning("each worker tells its own metrics alone: no folder to share them (%s)", error)
    arguments = (
        listener.fileno(),
        settings.workers,
        settings.shutdown_seconds,
        settings.log_level,
        settings.log_format,
    )
    os.execv(sys.executable, [sys.executable, "-m", "app.supervisor", *map(str, arguments)])  # noqa: S606
