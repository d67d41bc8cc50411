"""The models that answer now, and how the store is read anew while they do.

A new registry is made beside the old one, in a thread; it takes its place in one step, or not at all. Whoever
answers a request takes the registry once, so that no answer is made by two; the old one lives as long as a
request holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from app.contract.errors import ReloadRefused, StartError
from app.contract.schemas.reloads import Change, Reload, ReloadedModel
from app.observability.instrumentation import Observation
from app.scoring.loading import load_registry
from app.scoring.memory import release_memory
from app.scoring.registry import Registry
from app.settings import Settings
from training.artefact import ArtefactError

logger = logging.getLogger(__name__)


class LiveModels:
    """Holds the registry that answers, and exchanges it.

    Attributes:
        registry: To be read once by each request.
        last: What came of the last reload, None before the first.
        tallies: Where reloads are counted.
        reload_other_workers: Has every worker reload, this one too; None where it is the only one.
    """

    def __init__(self, registry: Registry, settings: Settings, observation: Observation) -> None:
        self.tallies, self._observation = observation.tallies, observation
        self.last: Reload | None = None
        self.reload_other_workers: Callable[[], object] | None = None
        self._settings = settings
        self._serve(registry)
        self._lock = asyncio.Lock()
        self._thread = anyio.CapacityLimiter(1)
        self._requested: asyncio.Task[None] | None = None
        self._waiting = False
        self._expects_echo = False

    async def reload(self) -> Reload:
        """Read the store anew, after reloads that were asked for before. An unchanged model is kept as it is.

        Raises:
            ReloadRefused: The store or a model in it is not fit to be served; the registry stays.
        """
        async with self._lock:
            return await self._reload()

    async def reload_everywhere(self) -> Reload:
        """The same, and have the other workers follow if the store was fit."""
        done = await self.reload()
        if self.reload_other_workers is not None:
            self._expects_echo = True
            self.reload_other_workers()
        return done

    def request_reload(self) -> None:
        """Have the store read anew soon, once however often this is requested until then."""
        if not self._waiting:
            self._waiting = True
            self._requested = asyncio.get_running_loop().create_task(self._reload_as_requested())

    async def _reload_as_requested(self) -> None:
        async with self._lock:
            self._waiting = False
            is_echo, self._expects_echo = self._expects_echo, False
            with contextlib.suppress(ReloadRefused):
                await self._reload(is_echo)

    async def _reload(self, is_echo: bool = False) -> Reload:
        start, at = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        try:
            found = await anyio.to_thread.run_sync(
                load_registry, self._settings, self.registry, limiter=self._thread
            )
            found.check_ready()
        except Exception as error:
            foreseen = isinstance(error, (ArtefactError, StartError))
            told = " ".join(str(error).split()) if foreseen else type(error).__name__
            logger.error(
                "reload refused, the models go on as they are: %s", told, exc_info=None if foreseen else error
            )
            self.tallies.reloads_refused += 1
            refusal = ReloadRefused(_without_path(error, self._settings.store) if foreseen else told)
            self.last = Reload("refused", at, round(time.perf_counter() - start, 3), [], str(refusal))
            raise refusal from error
        models = _compare(self.registry, found)
        changed = [f"{model.name} {model.change}" for model in models if model.change != "unchanged"]
        seconds = round(time.perf_counter() - start, 3)
        done = Reload("reloaded" if changed else "unchanged", at, seconds, models, None)
        if found is not self.registry:
            self._serve(found)
            release_memory()
        elif is_echo:
            # This worker has just told the others to reload, and is told the same.
            return done
        self.tallies.reloaded += 1
        self.last = done
        logger.info("store read anew: %s", ", ".join(changed) or "nothing has changed")
        return done

    def _serve(self, registry: Registry) -> None:
        self._observation.watch(registry)
        self.registry = registry


def _without_path(error: Exception, store: Path) -> str:
    """What a refusal says, less where the store is: that is for the log."""
    if not isinstance(error, ArtefactError):
        return " ".join(str(error).replace(f"{store.absolute()}/", "").split())
    # What is wrong with the store itself names it.
    inside = error.path != store and error.path.is_relative_to(store)
    told = f"{error.path.relative_to(store)}: {error.reason}" if inside else error.reason
    return " ".join(told.split())


def _compare(old: Registry, new: Registry) -> list[ReloadedModel]:
    """Every model of either, and what became of it."""
    found = []
    for name in sorted({*old.models, *new.models}):
        before, after = old.models.get(name), new.models.get(name)
        if after is None:
            found.append(ReloadedModel(name, "removed", None))
            continue
        change: Change = "added" if before is None else "unchanged" if before is after else "changed"
        found.append(ReloadedModel(name, change, after.scorer.manifest.model_file.sha256))
    return found
