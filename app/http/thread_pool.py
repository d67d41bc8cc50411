"""Threads for large requests.

The event loop answers health checks, so no long computation may run on it; but passing a single pair to a
thread takes longer than rating it. The number of threads is limited, because they share the interpreter lock
with the event loop.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

# A request with a body of this size takes at most a few milliseconds.
SMALL_BYTES: Final = 16 * 1024
# The same for this number of pairs, ratings or ids.
SMALL_BATCH: Final = 500

ResultT = TypeVar("ResultT")


class ThreadPool:
    """Runs large requests in a limited number of threads."""

    def __init__(self, threads: int) -> None:
        """Process at most `threads` large requests at once; the others wait."""
        self._limiter = anyio.CapacityLimiter(threads)

    async def run(self, work: Callable[[], ResultT], *, in_thread: bool) -> ResultT:
        """Return the result of `work`, run in a thread if it takes more than a few milliseconds."""
        if not in_thread:
            return work()
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)
