"""Reload the models store while the current models serve requests.

A thread loads a new registry, which then replaces the old one atomically, or not at all if the store is
invalid. A request reads the registry once, so that no response mixes two; the old registry lives as long as a
request refers to it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread

from app.contract.errors import ReloadRefused, StartError
from app.contract.schemas.responses import Change, Reload, ReloadedModel
from app.observability.instrumentation import Instrumentation
from app.scoring.fetching import fetched_versions
from app.scoring.loading import FORK_SAFE, load_registry
from app.scoring.memory import refreeze_memory, release_memory
from app.scoring.registry import Registry
from app.settings import Settings
from training.artefact import ArtefactError
from training.artefact.remote.address import StoreAddress

logger = logging.getLogger(__name__)


class LiveModels:
    """Holds the registry in service, and replaces it on a reload.

    Attributes:
        registry: The registry in service; each request must read it only once.
        last: The outcome of the last reload, None before the first.
        counters: Counts the reloads.
        reload_all_workers: Requests a reload of all workers, including this one; None if there is only one.
    """

    def __init__(self, registry: Registry, settings: Settings, instrumentation: Instrumentation) -> None:
        self.counters, self._instrumentation = instrumentation.counters, instrumentation
        self.last: Reload | None = None
        self.reload_all_workers: Callable[[], object] | None = None
        self._settings = settings
        self._serve(registry)
        self._lock = asyncio.Lock()
        self._requested: asyncio.Task[None] | None = None
        self._waiting = False
        self._expects_own_request = False

    async def reload_everywhere(self) -> Reload:
        """Reload the store after earlier requests; if it is valid, let the other workers reload too.

        Raises:
            ReloadRefused: The store or a model in it is invalid; the registry stays.
        """
        async with self._lock:
            done = await self._reload()
        if self.reload_all_workers is not None:
            # The master may have died: this worker then serves on until its event loop notices.
            with contextlib.suppress(ProcessLookupError):
                self.reload_all_workers()
                self._expects_own_request = True
        return done

    def request_reload(self) -> None:
        """Schedule a reload; requests until it starts are combined into one."""
        if not self._waiting:
            self._waiting = True
            self._requested = asyncio.get_running_loop().create_task(self._reload_as_requested())

    async def _reload_as_requested(self) -> None:
        async with self._lock:
            self._waiting = False
            is_own_request, self._expects_own_request = self._expects_own_request, False
            with contextlib.suppress(ReloadRefused):
                await self._reload(is_own_request)

    async def _reload(self, is_own_request: bool = False) -> Reload:
        start, at = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        try:
            found = await anyio.to_thread.run_sync(load_registry, self._settings, self.registry)
            found.check_ready()
        except Exception as error:
            is_expected = isinstance(error, (ArtefactError, StartError))
            reason = " ".join(str(error).split()) if is_expected else type(error).__name__
            logger.error(
                "reload refused, the previous models stay in service: %s",
                reason,
                exc_info=None if is_expected else error,
            )
            self.counters.reloads_refused += 1
            refusal = ReloadRefused(_without_path(error, self._settings.store) if is_expected else reason)
            self.last = Reload("refused", at, round(time.perf_counter() - start, 3), [], str(refusal))
            raise refusal from error
        models = _compare(self.registry, found)
        changed = [f"{model.name} {model.change}" for model in models if model.change != "unchanged"]
        seconds = round(time.perf_counter() - start, 3)
        done = Reload("reloaded" if changed else "unchanged", at, seconds, models, None)
        if found is not self.registry:
            self._serve(found)
            # Keras models contain reference cycles, which are not collected while they are frozen. Tables
            # contain none.
            release_memory() if self._settings.engine in FORK_SAFE else refreeze_memory()
        elif is_own_request:
            # This worker has just reloaded, and receives the request that it sent to all workers.
            return done
        self.counters.reloaded += 1
        self.last = done
        logger.info("store reloaded: %s", ", ".join(changed) or "no changes")
        return done

    def _serve(self, registry: Registry) -> None:
        self._instrumentation.instrument(registry)
        self.registry = registry


def _without_path(error: Exception, store: Path | StoreAddress) -> str:
    """Return the reason of a refusal without the path or address of the store, which is only for the log."""
    if isinstance(store, StoreAddress):
        return _reason_of_fetched(error, store)
    if not isinstance(error, ArtefactError):
        return " ".join(str(error).replace(f"{store.absolute()}/", "").split())
    # The path of an error in the store itself is the path of the store.
    inside = error.path != store and error.path.is_relative_to(store)
    reason = f"{error.path.relative_to(store)}: {error.reason}" if inside else error.reason
    return " ".join(reason.split())


def _reason_of_fetched(error: Exception, address: StoreAddress) -> str:
    """Return the reason without the address, and without the local folder of the fetched versions."""
    text = str(error).removeprefix(f"{address}: ")
    for folder in (address, fetched_versions()):
        text = text.replace(f"{folder}/", "")
    return " ".join(text.split())


def _compare(old: Registry, new: Registry) -> list[ReloadedModel]:
    """Return the change of every model in either registry."""
    found = []
    for name in sorted({*old.models, *new.models}):
        before, after = old.models.get(name), new.models.get(name)
        if after is None:
            found.append(ReloadedModel(name, "removed", None))
            continue
        change: Change = "added" if before is None else "unchanged" if before is after else "changed"
        found.append(ReloadedModel(name, change, after.scorer.manifest.model_file.sha256))
    return found
