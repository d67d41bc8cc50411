"""Threads for large requests.

The event loop answers health checks, so nothing long may run on it; but handing a single pair to a thread
costs more than rating it. The number of threads is bounded, because they share one interpreter lock with the
event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

# A body of this many bytes is parsed, rated and answered in a few milliseconds at most.
SMALL_BYTES: Final = 16 * 1024
# Likewise so many pairs, ratings or ids.
SMALL_BATCH: Final = 500

ResultT = TypeVar("ResultT")


class ThreadPool:
    """Runs the work of large requests."""

    def __init__(self, threads: int) -> None:
        """Allow `threads` large requests to be worked on at once; the others wait."""
        self._limiter = anyio.CapacityLimiter(threads)

    async def run(self, work: Callable[[], ResultT], *, in_thread: bool) -> ResultT:
        """The result of `work`, which runs in a thread or, where it is short, at once.

        Args:
            work: Thread-safe.
            in_thread: Whether it takes more than a few milliseconds.
        """
        if not in_thread:
            return work()
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)
