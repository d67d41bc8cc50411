"""Writes log lines to standard output without ever waiting for whoever reads it."""

from __future__ import annotations

import logging
import os
import select
import sys
from typing import Final

OUTPUT: Final = 1
# What a pipe that can be written takes in one piece, without waiting.
_PIECE_BYTES: Final = select.PIPE_BUF
# For the rest of a line that is longer than this.
_PATIENCE_MILLISECONDS: Final = 50


class LineHandler(logging.Handler):
    """Writes lines while somebody takes them; the others are lost, and counted.

    A reader that hangs would stop the service, and keep it from ending: whoever writes to a full pipe waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lost = 0
        self._output = select.poll()
        self._output.register(OUTPUT, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record, after a word about those that were lost before."""
        try:
            if self._lost and self._write(self._told_loss()):
                self._lost = 0
            if self._lost or not self._write(self.format(record)):
                self._lost += 1
        except Exception:  # as every handler does: what cannot be logged stops nobody
            self.handleError(record)

    def _told_loss(self) -> str:
        told = f"{self._lost} lines of the log are lost: nobody took them"
        return self.format(logging.LogRecord(__name__, logging.WARNING, "", 0, told, None, None))

    def _write(self, line: str) -> bool:
        """Whether the line was taken."""
        content = f"{line}\n".encode(errors="backslashreplace")
        wait = 0
        try:
            while content:
                if not self._output.poll(wait):
                    return False
                content = content[os.write(OUTPUT, content[:_PIECE_BYTES]) :]
                wait = _PATIENCE_MILLISECONDS
        except OSError:
            # A full disk, a reader that has ended.
            return False
        return True


def hold_standard_streams() -> None:
    """Put `/dev/null` where a standard stream is closed, before another file gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number, so this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
