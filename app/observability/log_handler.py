"""Log lines pass a bounded queue and a thread to standard output, so that nobody waits for its reader."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import sys
import threading
import time
from logging.handlers import QueueHandler, QueueListener
from queue import Empty, SimpleQueue
from typing import Any, Final

OUTPUT: Final = 1
# Lines that wait for the reader at most; further ones are dropped.
MAX_LINES: Final = 4096
# Lines of this time are written together: waking the thread for each would slow down every request.
INTERVAL_SECONDS: Final = 0.05
# What a pipe takes in one piece, without lines of other processes in between.
_PIECE_BYTES: Final = select.PIPE_BUF
POLL_SECONDS: Final = 0.1
# Once the thread is to stop, lines have so long to be read.
STOP_SECONDS: Final = 0.5


class StdoutHandler(QueueHandler):
    """Puts formatted lines into a queue, and starts the thread that writes them.

    Attributes:
        queue: Of lines; None ends the thread.
        dropped: Lines that the queue had no room for.
    """

    queue: SimpleQueue[bytes | None]

    def __init__(self) -> None:
        super().__init__(SimpleQueue())
        self.dropped = 0
        self._listener = StdoutListener(self)
        self._listener.start()

    def prepare(self, record: logging.LogRecord) -> Any:
        """The line of a record."""
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def enqueue(self, record: Any) -> None:
        """Queue a line, or drop it if the queue is full."""
        if self.queue.qsize() < MAX_LINES:
            self.queue.put_nowait(record)
        else:
            self.dropped += 1

    def close(self) -> None:
        """Write what is queued, as far as it is read soon, and stop the thread."""
        self._listener.close()
        super().close()


class StdoutListener(QueueListener):
    """Writes queued lines to standard output, and reports how many were dropped.

    A fork stops its thread before, and starts one in both processes after.
    """

    queue: SimpleQueue[bytes | None]

    def __init__(self, handler: StdoutHandler) -> None:
        super().__init__(handler.queue)
        self._handler = handler
        self._output = select.poll()
        self._output.register(OUTPUT, select.POLLOUT)
        self._stopping = threading.Event()
        self._stop_at, self._closed = math.inf, False
        # Lines that could not be written, and how many of all that were lost have been reported.
        self._unwritten = self._reported = 0
        os.register_at_fork(before=self.stop, after_in_parent=self.start, after_in_child=self.start)

    def start(self) -> None:
        """Start the thread."""
        if not self._closed:
            self._stopping.clear()
            self._stop_at = math.inf
            super().start()

    def stop(self) -> None:
        """Stop the thread; lines that are not read soon are dropped."""
        if self._thread is not None:
            self._stop_at = time.monotonic() + STOP_SECONDS
            self._stopping.set()
            self.enqueue_sentinel()
            self._thread.join(2 * STOP_SECONDS)
            self._thread = None

    def close(self) -> None:
        """Stop the thread for good."""
        self._closed = True
        self.stop()

    def handle(self, record: Any) -> None:
        """Write a line, with all that come within a moment."""
        lines = [record]
        self._stopping.wait(INTERVAL_SECONDS)
        with contextlib.suppress(Empty):
            while (line := self.queue.get_nowait()) is not None:
                lines.append(line)
            self.enqueue_sentinel()
        lost = self._handler.dropped + self._unwritten - self._reported
        if lost:
            self._reported += lost
            message = f"dropped {lost} lines of the log, which nobody read"
            warning = logging.LogRecord(__name__, logging.WARNING, "", 0, message, None, None)
            lines.append(self._handler.prepare(warning))
        piece = b""
        for line in lines:
            if len(piece) + len(line) > _PIECE_BYTES:
                self._write(piece)
                piece = b""
            piece += line
        self._write(piece)

    def _seconds_left(self) -> float:
        return self._stop_at - time.monotonic()

    def _write(self, lines: bytes) -> None:
        rest = lines
        try:
            while rest:
                while not self._output.poll(1000 * min(POLL_SECONDS, max(0.0, self._seconds_left()))):
                    if self._seconds_left() <= 0:
                        raise BlockingIOError
                rest = rest[os.write(OUTPUT, rest[:_PIECE_BYTES]) :]
        except OSError:
            # Nobody reads, the reader has ended, or a disk is full.
            self._unwritten += lines.count(b"\n")


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
