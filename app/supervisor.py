"""The process above several workers: starts them, replaces what ended, passes on what it is told.

It imports nothing but the standard library, so that it costs a few megabytes: the process that checked the
settings and took the address becomes it by `exec`, and each worker is a fresh process.
"""

from __future__ import annotations

import contextlib
import logging
import logging.config
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Final

from app.channel import MAX_BYTES, READY, RELOAD
from app.listening import url_of
from app.observability.logging import logging_config
from app.observability.metrics import FOLDER, NUMBER

logger = logging.getLogger("app.supervisor")

# Exit code of a worker that has said on standard error why it cannot start.
CANNOT_START: Final = 3
STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
# Blocked while nobody has a handler for them, and in a worker until it has: none is lost, none kills.
SIGNALS: Final = (*STOPPING, signal.SIGHUP, signal.SIGCHLD)

# Workers that end one after the other before any is ready, until the service gives up.
MAX_FAILURES: Final = 5
# A worker that lived so long did not fail to start: the next one is started at once.
STEADY_SECONDS: Final = 30.0
MAX_DELAY_SECONDS: Final = 30.0
# A worker whose event loop says nothing for so long does not answer either.
SILENT_SECONDS: Final = 60.0
START_SECONDS: Final = 120.0
# What a worker gets on top of the time that its requests have to finish.
GRACE_SECONDS: Final = 2.0
TICK_SECONDS: Final = 1.0


class _Child:
    """A worker process, and our end of its channel."""

    def __init__(self, pid: int, place: int, channel: socket.socket) -> None:
        self.pid, self.place, self.channel, self.ready = pid, place, channel, False
        self.started = self.heard = time.monotonic()

    def kill(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


class Supervisor:
    """Keeps a number of workers running on one socket."""

    def __init__(self, listener: socket.socket, workers: int, shutdown_seconds: float) -> None:
        """Prepare to run workers.

        Args:
            listener: Bound; every worker accepts from it.
            workers: How many.
            shutdown_seconds: What a worker's requests have to finish when it is told to stop.
        """
        self._listener, self._workers = listener, workers
        self._shutdown_seconds = shutdown_seconds
        self._url = url_of(listener)
        self._children: dict[int, _Child] = {}
        self._failures, self._next_start = 0, 0.0
        self._was_ready = False
        self._kill_at: float | None = None
        self._code = 0
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Run workers until told to stop.

        Returns:
            The exit code: 1 if no worker could be started.
        """
        with _woken_by_signals() as signals:
            self._selector.register(signals, selectors.EVENT_READ)
            while self._kill_at is None or self._children:
                self._start_missing()
                for key, _ in self._selector.select(self._patience()):
                    if key.fileobj is signals:
                        for number in signals.recv(MAX_BYTES):
                            self._heed(signal.Signals(number))
                    else:
                        self._hear(key.data)
                self._reap()
                self._end_the_stuck()
        return self._code

    def _start_missing(self) -> None:
        """Start what is missing. The first one alone: if it cannot start, it says so, and nobody else."""
        while (
            self._kill_at is None
            and len(self._children) < self._workers
            and time.monotonic() >= self._next_start
            and (not self._children or self._any_ready())
        ):
            self._start_one()

    def _start_one(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.set_inheritable(True)
        taken = {child.place for child in self._children.values()}
        place = next(number for number in range(self._workers) if number not in taken)
        descriptors = [str(self._listener.fileno()), str(theirs.fileno())]
        with theirs:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "app.worker_process", *descriptors],
                {**os.environ, NUMBER: str(place)},
                setsigmask=SIGNALS,
            )
        child = self._children[pid] = _Child(pid, place, ours)
        self._selector.register(ours, selectors.EVENT_READ, child)
        logger.debug("worker %d starts", pid)

    def _patience(self) -> float:
        """Seconds until there may be something to do that nobody says."""
        if self._kill_at is None and len(self._children) < self._workers:
            return min(TICK_SECONDS, max(0.0, self._next_start - time.monotonic()) + 0.01)
        return TICK_SECONDS

    def _heed(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            self._tell_to_reload(self._children.values())
        elif number in STOPPING and self._kill_at is None:
            self._stop()
        elif number == signal.SIGINT:
            # Asked for a second time at the keyboard: at once, then.
            self._kill_at = 0.0

    def _stop(self) -> None:
        logger.info("stopping %d workers", len(self._children))
        self._kill_at = time.monotonic() + self._shutdown_seconds + GRACE_SECONDS
        # With it goes the last hold on the address, as soon as the workers let go of theirs.
        self._listener.close()
        for child in self._children.values():
            child.kill(signal.SIGTERM)

    def _hear(self, child: _Child) -> None:
        try:
            words = child.channel.recv(MAX_BYTES)
        except OSError:
            words = b""
        if not words:
            # It has ended, or is about to.
            self._selector.unregister(child.channel)
            child.channel.close()
            return
        child.heard = time.monotonic()
        if READY in words:
            child.ready = True
            if not self._was_ready:
                self._was_ready = True
                logger.info("ready on %s", self._url)
        if RELOAD in words:
            self._tell_to_reload(other for other in self._children.values() if other is not child)

    def _tell_to_reload(self, children: Iterable[_Child]) -> None:
        for child in children:
            with contextlib.suppress(OSError):
                child.channel.send(RELOAD)

    def _reap(self) -> None:
        """Find out who has ended."""
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._bury(self._children.pop(pid), os.waitstatus_to_exitcode(status))

    def _bury(self, child: _Child, code: int) -> None:
        if child.channel.fileno() >= 0:
            self._selector.unregister(child.channel)
            child.channel.close()
        if self._kill_at is not None:
            return
        now = time.monotonic()
        steady = child.ready and now - child.started >= STEADY_SECONDS
        self._failures = 0 if steady else self._failures + 1
        if not self._any_ready() and (code == CANNOT_START or self._failures >= MAX_FAILURES):
            # It has said why; or it crashes, and we do.
            if code != CANNOT_START:
                logger.error("worker %d ended (%s), as did those before it", child.pid, _told(code))
            self._code = 1
            self._stop()
            return
        delay = 0.0 if not self._failures else min(2.0 ** (self._failures - 2), MAX_DELAY_SECONDS)
        self._next_start = now + delay
        logger.error("worker %d ended (%s); another one starts in %.1f s", child.pid, _told(code), delay)

    def _end_the_stuck(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            silent = now - child.heard > (SILENT_SECONDS if child.ready else START_SECONDS)
            if silent:
                logger.error("worker %d is stuck", child.pid)
            if silent or (self._kill_at is not None and now > self._kill_at):
                child.kill(signal.SIGKILL)

    def _any_ready(self) -> bool:
        return any(child.ready for child in self._children.values())


def main() -> int:
    """Supervise as the arguments say, which `app.supervising` has written.

    Returns:
        The exit code.
    """
    descriptor, workers, shutdown_seconds, log_level, log_format = sys.argv[1:]
    logging.config.dictConfig(logging_config(log_level, log_format))
    listener = socket.socket(fileno=int(descriptor))
    logger.info("starting %s workers on %s", workers, url_of(listener))
    try:
        return Supervisor(listener, int(workers), float(shutdown_seconds)).run()
    finally:
        _remove(os.environ.get(FOLDER))


def _remove(folder: str | None) -> None:
    """Remove the folder in which workers show each other what they count."""
    if folder:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                os.unlink(entry.path)  # noqa: PTH108 - pathlib would be a tenth of this process
            os.rmdir(folder)  # noqa: PTH106


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[socket.socket]:
    """A socket on which the number of each signal arrives as a byte."""
    arriving, sending = socket.socketpair()
    with arriving, sending:
        arriving.setblocking(False)
        sending.setblocking(False)
        signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            yield arriving
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            signal.set_wakeup_fd(-1)


def _told(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


if __name__ == "__main__":
    sys.exit(main())
