"""Set up access log, metrics and traces according to the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from app.contract.errors import BadSetting
from app.observability.access_log import AccessLog
from app.observability.metrics.counters import Counters
from app.observability.metrics.exporter import Exporter
from app.observability.metrics.worker_files import WorkerFile
from app.scoring.registry import Registry
from app.settings import Settings

if TYPE_CHECKING:
    from app.observability.tracing import Tracing


class Instrumentation:
    """Access log, metrics and traces of one process.

    Attributes:
        counters: The counters.
        exporter: The exporter of the metrics.
    """

    def __init__(self, settings: Settings, worker_file: WorkerFile | None = None) -> None:
        """Set up counters, exporter and tracer; `worker_file` is that of one worker of several.

        Raises:
            BadSetting: Tracing is enabled, and OpenTelemetry is not installed.
        """
        self.counters = Counters()
        self._counting = settings.metrics
        self.exporter = Exporter(self.counters, worker_file, settings.workers)
        self._tracing = _load_tracing() if settings.traces else None

    def instrument(self, registry: Registry) -> None:
        """Count and trace the predictions of the models of `registry` from now on."""
        if self._counting:
            self.counters.instrument(registry)
        if self._tracing is not None:
            self._tracing.instrument(registry)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Wrap `app`, so that every request is logged, counted and traced."""
        logged = AccessLog(app, self.counters if self._counting else None)
        return logged if self._tracing is None else self._tracing.wrap(logged)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish metrics and spans within the block, and the remaining ones at its end."""
        try:
            async with self.exporter.sharing() if self._counting else nullcontext():
                yield
        finally:
            if self._tracing is not None:
                self._tracing.stop()


def _load_tracing() -> "Tracing":
    try:
        from app.observability.tracing import Tracing
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"RATINGS_TRACES: {error.name} is not installed (pip install -r requirements/otel.txt)"
        ) from error
    return Tracing()
