"""Share the counts of this worker with the others, and export the metrics of all workers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.observability.metrics.counters import Counters
from app.observability.metrics.exposition import expose
from app.observability.metrics.worker_files import Slot, Snapshot

INTERVAL_SECONDS: Final = 0.25


class Exporter:
    """Exports the metrics of this worker and of the other workers."""

    def __init__(self, counters: Counters, slot: Slot | None, workers: int) -> None:
        """Export `counters`, or with a `slot` the sums over all `workers`."""
        self._counters, self._slot, self._workers = counters, slot, workers

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their content type, for the `Accept` header of a request."""
        others = self._slot.others() if self._slot else []
        return expose([self._snapshot(), *others], self._workers, accept)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """Share the counts with the other workers, regularly within the block and once at its end."""
        task = asyncio.create_task(self._share())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self._snapshot()

    async def _share(self) -> None:
        while True:
            self._snapshot()
            await asyncio.sleep(INTERVAL_SECONDS)

    def _snapshot(self) -> Snapshot:
        counts, condition = self._counters.counts(), self._counters.condition()
        return self._slot.write(counts, condition) if self._slot else Snapshot("0", counts, condition)
