"""Logging to standard output through a bounded queue and a thread, so that a slow reader blocks nothing."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
from logging.handlers import QueueHandler, QueueListener
from queue import Empty, SimpleQueue
from typing import Any, Final

OUTPUT: Final = 1
# Maximum length of the queue; further lines are dropped.
MAX_LINES: Final = 4096
# Lines of this interval are written together: waking the thread for each line would slow down requests.
INTERVAL_SECONDS: Final = 0.05
# Size of a write to a pipe that is atomic, so that lines of several processes do not mix.
_PIECE_BYTES: Final = select.PIPE_BUF
# Time limit to write queued lines when the thread stops.
STOP_SECONDS: Final = 0.5


class StdoutHandler(QueueHandler):
    """Put formatted lines into a queue, and start the thread that writes them.

    Attributes:
        queue: Formatted lines; None ends the thread.
        dropped: Number of lines dropped because the queue was full.
    """

    queue: SimpleQueue[bytes | None]

    def __init__(self) -> None:
        super().__init__(SimpleQueue())
        self.dropped = 0
        self._listener = StdoutListener(self)
        self._listener.start()

    def prepare(self, record: logging.LogRecord) -> Any:
        """Format a record as a line."""
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def enqueue(self, record: Any) -> None:
        """Queue a line, or drop it if the queue is full."""
        if self.queue.qsize() < MAX_LINES:
            self.queue.put_nowait(record)
        else:
            self.dropped += 1

    def close(self) -> None:
        """Write the queued lines within `STOP_SECONDS`, and stop the thread."""
        self._listener.close()
        super().close()


class StdoutListener(QueueListener):
    """Write queued lines to standard output, and report how many were dropped.

    The thread stops before a fork, and starts again in both processes after it.
    """

    queue: SimpleQueue[bytes | None]

    def __init__(self, handler: StdoutHandler) -> None:
        super().__init__(handler.queue)
        self._handler = handler
        self._stopping = threading.Event()
        self._closed = False
        # Number of lines that could not be written, and of lost lines that were already reported.
        self._unwritten = self._reported = 0
        os.register_at_fork(before=self.stop, after_in_parent=self.start, after_in_child=self._start_afresh)

    def start(self) -> None:
        """Start the thread."""
        if not self._closed:
            self._stopping.clear()
            super().start()

    def stop(self) -> None:
        """Stop the thread, or leave it to its blocked write after `STOP_SECONDS`."""
        if self._thread is not None:
            self._stopping.set()
            self.enqueue_sentinel()
            self._thread.join(STOP_SECONDS)
            self._thread = None

    def close(self) -> None:
        """Stop the thread permanently."""
        self._closed = True
        self.stop()

    def _start_afresh(self) -> None:
        # Lines that are left in the queue are the parent's.
        self._handler.queue = self.queue = SimpleQueue()
        self.start()

    def handle(self, record: Any) -> None:
        """Write a line, together with those that follow within `INTERVAL_SECONDS`."""
        lines = [record]
        self._stopping.wait(INTERVAL_SECONDS)
        with contextlib.suppress(Empty):
            while (line := self.queue.get_nowait()) is not None:
                lines.append(line)
            self.enqueue_sentinel()
        lost = self._handler.dropped + self._unwritten - self._reported
        if lost:
            self._reported += lost
            message = f"dropped {lost} lines of the log, because standard output was blocked or not writable"
            warning = logging.LogRecord(__name__, logging.WARNING, "", 0, message, None, None)
            lines.append(self._handler.prepare(warning))
        piece = b""
        for line in lines:
            if len(piece) + len(line) > _PIECE_BYTES:
                self._write(piece)
                piece = b""
            piece += line
        self._write(piece)

    def _write(self, lines: bytes) -> None:
        rest = lines
        try:
            while rest:
                rest = rest[os.write(OUTPUT, rest) :]
        except OSError:
            # The reader has ended, or a disk is full.
            self._unwritten += lines.count(b"\n")


def hold_standard_streams() -> None:
    """Open `/dev/null` for closed standard streams, before another file gets their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # `open` returns the lowest free number, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
