"""How the service is seen from outside: its log lines, metrics and traces, as the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from app.contract.errors import BadSetting
from app.observability.access_log import AccessLog
from app.observability.metrics.counters import Tallies
from app.observability.metrics.exporter import Telling
from app.observability.metrics.worker_files import Slot
from app.scoring.registry import Registry
from app.settings import Settings

if TYPE_CHECKING:
    from app.observability.tracing import Tracing


class Observation:
    """What looks at requests and models, in one process.

    Attributes:
        tallies: Counts what happens.
        telling: Tells what was counted.
    """

    def __init__(self, settings: Settings, slot: Slot | None = None) -> None:
        """Prepare.

        Args:
            settings: What to look at.
            slot: The place of this process among the workers, where there are several.

        Raises:
            BadSetting: Traces are asked for, and OpenTelemetry is not installed.
        """
        self.tallies = Tallies()
        self._counting = settings.metrics
        self.telling = Telling(self.tallies, slot, settings.workers)
        self._tracing = _load_tracing() if settings.traces else None

    def watch(self, registry: Registry) -> None:
        """Look at the models of `registry` from now on."""
        if self._counting:
            self.tallies.watch(registry)
        if self._tracing is not None:
            self._tracing.watch(registry)

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, with every request looked at."""
        logged = self.logging(app)
        return logged if self._tracing is None else self._tracing.around(logged)

    def logging(self, app: ASGIApp) -> ASGIApp:
        """`app`, with every request counted and logged."""
        return AccessLog(app, self.tallies if self._counting else None)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within the block, what was seen is told; at its end, the rest."""
        try:
            async with self.telling.keeping_up() if self._counting else nullcontext():
                yield
        finally:
            if self._tracing is not None:
                self._tracing.stop()


def _load_tracing() -> Tracing:
    try:
        from app.observability.tracing import Tracing
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"RATINGS_TRACES: {error.name} is not installed (pip install -r requirements/otel.txt)"
        ) from error
    return Tracing()
