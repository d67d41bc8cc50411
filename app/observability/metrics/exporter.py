"""Keeps what this worker counts up to date for the others, and tells Prometheus of all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.observability.metrics.counters import Tallies
from app.observability.metrics.exposition import expose
from app.observability.metrics.worker_files import Slot, Snapshot

INTERVAL_SECONDS: Final = 0.25


class Telling:
    """The metrics of this worker, and of the other workers."""

    def __init__(self, tallies: Tallies, slot: Slot | None, workers: int) -> None:
        """Tell of `tallies`, and, with a `slot`, of those of `workers` altogether."""
        self._tallies, self._slot, self._workers = tallies, slot, workers

    def text(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type, for a caller that takes `accept`."""
        others = self._slot.others() if self._slot else []
        return expose([self._snapshot(), *others], self._workers, accept)

    @asynccontextmanager
    async def keeping_up(self) -> AsyncIterator[None]:
        """Within the block, what is counted is added up now and then, and shown to the other workers."""
        task = asyncio.create_task(self._keep_up())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self._snapshot()

    async def _keep_up(self) -> None:
        while True:
            self._snapshot()
            await asyncio.sleep(INTERVAL_SECONDS)

    def _snapshot(self) -> Snapshot:
        counts, condition = self._tallies.counts(), self._tallies.condition()
        return self._slot.write(counts, condition) if self._slot else Snapshot("0", counts, condition)
