"""`python -m app.worker_process`: one of several workers, started by a supervisor and by nobody else."""

from __future__ import annotations

import logging
import logging.config
import signal
import socket
import sys

from app.channel import Channel
from app.contract.errors import StartError
from app.observability.logging import logging_config
from app.server import Server, keep_hangups, leaving_at_once, load_app, refuse_to_start
from app.settings import load_settings
from app.supervisor import CANNOT_START, SIGNALS
from training.artefact import ArtefactError


def main() -> int:
    """Serve on the socket, and under the supervisor, whose descriptors the arguments are.

    Returns:
        The exit code.
    """
    listener, channel = (int(argument) for argument in sys.argv[1:])
    try:
        settings = load_settings()
        logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
        hangups = keep_hangups()
        with leaving_at_once():
            # That of the keyboard stays blocked: it is for the supervisor, which then says SIGTERM to all.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, set(SIGNALS) - {signal.SIGINT})
            server = Server(load_app(settings), settings, Channel(channel), hangups)
            server.run([socket.socket(fileno=listener)])
    except (StartError, ArtefactError) as error:
        refuse_to_start(error)
        return CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
