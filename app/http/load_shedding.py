"""Load shedding: requests beyond the concurrency limits are refused immediately instead of queued.

Plain requests of `POST /predict` do not reach this middleware: `app.http.fast_predict` answers each in one
step of the event loop. All others are counted while they are processed; those with a large body also while
they wait, because each takes megabytes. Health checks are never refused.
"""

import asyncio
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import Overloaded
from app.contract.paths import HEALTH, METRICS
from app.contract.problems import error_response
from app.http.thread_pool import SMALL_BYTES
from app.observability.metrics.counters import Counters

EXEMPT: Final = HEALTH | {METRICS}
# The event loop itself processes small requests. After this time it first runs its other callbacks, such as
# health checks.
TURN_SECONDS: Final = 0.02


class LoadShedding:
    """Forward requests up to the limits, and refuse the others."""

    def __init__(self, app: ASGIApp, most: int, most_large: int, counters: Counters) -> None:
        """Allow `most` requests at once that do not wait for their body, `most_large` large ones in all."""
        self.app = app
        self._most, self._most_large, self._counters = most, most_large, counters
        self._working = self._large = 0
        self._turn_began: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self.app(scope, receive, send)
            return
        large = _is_large(scope)
        if self._working >= self._most or (large and self._large >= self._most_large):
            self._counters.shed += 1
            await error_response(scope, Overloaded())(scope, receive, send)
            return

        async def receive_idly() -> Message:
            self._working -= 1
            try:
                message = await receive()
            finally:
                self._working += 1
            is_whole = message["type"] == "http.request" and not message.get("more_body", False)
            if is_whole and self._working > self._most:
                # Other requests have started while this one waited.
                self._counters.shed += 1
                raise Overloaded
            return message

        self._working += 1
        self._large += large
        try:
            while self._turn_is_over():
                await asyncio.sleep(0)
            await self.app(scope, receive_idly, send)
        finally:
            self._working -= 1
            self._large -= large

    def _turn_is_over(self) -> bool:
        """Whether requests have used up the current turn of the event loop."""
        now = time.perf_counter()
        if self._turn_began is None:
            self._turn_began = now
            asyncio.get_running_loop().call_soon(self._end_turn)
        return now - self._turn_began > TURN_SECONDS

    def _end_turn(self) -> None:
        self._turn_began = None


def _is_large(scope: Scope) -> bool:
    """Whether the request has a body that is large or of unknown size."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return not value.isdigit() or int(value[:20]) > SMALL_BYTES
        if name == b"transfer-encoding":
            return True
    return False
