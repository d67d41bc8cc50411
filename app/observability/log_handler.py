"""Logging to standard output through a bounded queue and a thread, so that a slow reader blocks nothing."""

import contextlib
import logging
import os
import select
import sys
import threading
from logging.handlers import QueueHandler
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
    """Put formatted lines into a queue, from which a thread writes them.

    The thread stops before a fork, and starts again in both processes after it.

    Attributes:
        queue: Formatted lines; None ends the thread.
    """

    queue: SimpleQueue[bytes | None]

    def __init__(self) -> None:
        super().__init__(SimpleQueue())
        # Number of lines that were dropped or could not be written, and of those that were reported.
        self._dropped = self._unwritten = self._reported = 0
        self._stopping = threading.Event()
        self._closed = False
        self._start()
        os.register_at_fork(
            before=self._stop, after_in_parent=self._start, after_in_child=self._start_in_child
        )

    def prepare(self, record: logging.LogRecord) -> Any:
        """Format a record as a line."""
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def enqueue(self, record: Any) -> None:
        """Queue a line, or drop it if the queue is full."""
        if self.queue.qsize() < MAX_LINES:
            self.queue.put_nowait(record)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write the queued lines within `STOP_SECONDS`, and stop the thread permanently."""
        self._stop()
        self._closed = True
        super().close()

    def _start(self) -> None:
        if not self._closed:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._write_lines, daemon=True)
            self._thread.start()

    def _start_in_child(self) -> None:
        # Lines that are left in the queue are the parent's.
        self.queue = SimpleQueue()
        self._start()

    def _stop(self) -> None:
        """Stop the thread, or leave it to its blocked write after `STOP_SECONDS`."""
        self._stopping.set()
        self.queue.put_nowait(None)
        self._thread.join(STOP_SECONDS)

    def _write_lines(self) -> None:
        """Write lines until the queue has None; those of each `INTERVAL_SECONDS` together."""
        lines: list[bytes | None] = []
        while None not in lines:
            lines = [self.queue.get()]
            self._stopping.wait(INTERVAL_SECONDS)
            with contextlib.suppress(Empty):
                while True:
                    lines.append(self.queue.get_nowait())
            lost = self._dropped + self._unwritten - self._reported
            if lost:
                self._reported += lost
                text = f"dropped {lost} lines of the log, because standard output was blocked or not writable"
                lines.append(
                    self.prepare(logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None))
                )
            piece = b""
            for line in filter(None, lines):
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
