"""Where a request is worked on: a small one at once, a large one in a worker thread.

The event loop answers health checks, so nothing long may run on it; and handing a pair to a thread costs
more than rating it. The number of threads is bounded, because they share one interpreter lock with the
loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

# A body of this many bytes is read, rated and answered in a few milliseconds at most.
SMALL_BYTES: Final = 16 * 1024

ResultT = TypeVar("ResultT")


class Worker:
    """Runs the work of requests."""

    def __init__(self, threads: int) -> None:
        """Allow `threads` large requests to be worked on at once; the others wait."""
        self._limiter = anyio.CapacityLimiter(threads)

    async def run(self, size: int, work: Callable[[], ResultT]) -> ResultT:
        """The result of `work`.

        Args:
            size: Bytes that the work begins with.
            work: Reads nothing but what it was given.
        """
        if size <= SMALL_BYTES:
            return work()
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)
