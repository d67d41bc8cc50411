"""Several worker processes under gunicorn, which share the models that were loaded before the fork."""

from __future__ import annotations

import functools
import itertools
import logging
import mmap
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.workers.base import Worker

from app.contract.errors import StartError
from app.main import create_app
from app.observability.logging import logging_config
from app.observability.metrics.worker_files import Slot
from app.scoring.engines import FORK_SAFE
from app.scoring.loading import check_store, load_registry
from app.scoring.memory import freeze_memory
from app.scoring.registry import Registry
from app.server import Server, exit_at_once, refuse_to_start, url_of
from app.settings import Settings
from training.artefact import ArtefactError

logger = logging.getLogger(__name__)

# A worker whose event loop does not turn for so long is replaced.
TIMEOUT_SECONDS: Final = 60
# What a worker gets on top of the time that its requests have to finish.
GRACE_SECONDS: Final = 2
# From a worker that is not ready to the next one.
RESPAWN_SECONDS: Final = 1.0
HEARTBEAT_TICKS: Final = 10
# Blocked from before the fork until the worker can handle them, so that none is lost, and none kills.
BLOCKED: Final = frozenset({signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


class ServiceApplication(BaseApplication):
    """The service as gunicorn's application.

    Attributes:
        settings: Of the service.
        registry: The models of the last store that was accepted, for workers to start with; None where the
            engine's models do not survive a fork.
        metrics_folder: Where workers show each other what they count; None without metrics.
        youngest_ready: The age of the youngest worker that has been ready, shared with the workers.
    """

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        """Load the models, and prepare to serve on `listener`, which is bound."""
        self.settings = settings
        self.registry: Registry | None = None
        self.load_models()
        self.metrics_folder = make_metrics_folder() if settings.metrics else None
        self.youngest_ready = memoryview(mmap.mmap(-1, 8)).cast("Q")
        self._bind = f"fd://{listener.detach()}"
        super().__init__()

    def load_config(self) -> None:
        """Configure gunicorn."""
        for name, value in {
            "bind": self._bind,
            "workers": self.settings.workers,
            "worker_class": ServiceWorker,
            "pre_fork": assign_slot,
            "timeout": TIMEOUT_SECONDS,
            "graceful_timeout": self.settings.shutdown_seconds + GRACE_SECONDS,
            "errorlog": None,
            "logconfig_dict": logging_config(self.settings.log_level, self.settings.log_format),
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load_models(self) -> None:
        """Load what is new in the store; models that would not survive a fork are only checked.

        Raises:
            StartError: A setting names what the store does not hold, or a model does not answer.
            ArtefactError: The store, or a model in it, is not fit to be served.
        """
        if self.settings.engine in FORK_SAFE:
            self.registry = load_registry(self.settings, self.registry)
            freeze_memory()
        else:
            check_store(self.settings)


class ServiceArbiter(Arbiter):
    """Gunicorn's master. It reloads models without new workers, and no worker's exit code ends it."""

    # Gunicorn stops everything when a worker exits with one of these, and no exit code is negative.
    WORKER_BOOT_ERROR = APP_LOAD_ERROR = -1

    _next_spawn = 0.0

    def manage_workers(self) -> None:
        """Start missing workers, each when the one before is ready, or a second after it.

        Raises:
            HaltServer: The first one could not start. It has said why, and the others would say the same.
        """
        youngest_ready = self.app.youngest_ready[0]
        if self.worker_age and not youngest_ready and not self.WORKERS:
            raise HaltServer("the first worker could not start")
        if youngest_ready == self.worker_age or (youngest_ready and time.monotonic() >= self._next_spawn):
            self.num_workers = min(len(self.WORKERS) + 1, self.cfg.workers)
            super().manage_workers()

    def spawn_worker(self) -> None:
        """Start a worker, in whose process this does not return."""
        self._next_spawn = time.monotonic() + RESPAWN_SECONDS
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            super().spawn_worker()
        except OSError as error:
            self.log.error("cannot start a worker: %s", error)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)

    def handle_hup(self) -> None:
        """Reload the models: here, for workers that start later, and in every worker that is there."""
        try:
            self.app.load_models()
        except Exception as error:
            logger.error("reload refused, later workers begin with the models as they are: %s", error)
        self.kill_workers(signal.SIGHUP)

    def ignore_signal(self) -> None:
        """Start no second master, and no other number of workers."""

    handle_int = Arbiter.handle_term
    handle_usr2 = handle_ttin = handle_ttou = ignore_signal


class ServiceWorker(Worker):
    """A process that serves with uvicorn.

    Attributes:
        slot: Its number among the workers.
    """

    slot: int

    def init_process(self) -> None:
        """Load what no fork survives, and serve until told to stop."""
        try:
            super().init_process()
        except (StartError, ArtefactError) as error:
            refuse_to_start(error)
            sys.exit(1)

    def init_signals(self) -> None:
        """Leave signals to the server; until it listens there is nothing to finish."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        # From a master that has been told not to wait.
        signal.signal(signal.SIGQUIT, exit_at_once)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED - {signal.SIGHUP})

    def load_wsgi(self) -> None:
        """Make the application."""
        registry, folder = self.app.registry, self.app.metrics_folder
        if registry is None:
            registry = load_registry(self.app.settings)
            freeze_memory()
        slot = None if folder is None else Slot(folder, self.slot)
        self.wsgi = create_app(self.app.settings, registry, slot)

    def run(self) -> None:
        """Serve."""
        WorkerServer(self).run(self.sockets)


class WorkerServer(Server):
    """The server in a worker."""

    def __init__(self, worker: ServiceWorker) -> None:
        super().__init__(worker.wsgi, worker.app.settings)
        self._worker = worker

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and have the next worker started."""
        await super().startup(sockets)
        reload_all = functools.partial(os.kill, self._worker.ppid, signal.SIGHUP)
        self.lifespan.state["live"].reload_other_workers = reload_all
        self._worker.app.youngest_ready[0] = self._worker.age
        # Wakes the master.
        os.kill(self._worker.ppid, signal.SIGCHLD)

    async def on_tick(self, counter: int) -> bool:
        """Show the master that the event loop turns, and leave when there is none any more."""
        if counter % HEARTBEAT_TICKS == 0:
            self._worker.notify()
            if os.getppid() != self._worker.ppid:
                self.should_exit = True
        return await super().on_tick(counter)


def run_workers(settings: Settings, listener: socket.socket) -> None:
    """Serve with several workers until told to stop, and leave by SystemExit.

    Args:
        settings: Of the service.
        listener: Bound; the workers will listen on it.

    Raises:
        StartError: A setting names what the store does not hold, or a model does not answer.
        ArtefactError: The store, or a model in it, is not fit to be served.
    """
    url, master = url_of(listener), os.getpid()
    service = ServiceApplication(settings, listener)
    logger.info("starting %d workers on %s", settings.workers, url)
    try:
        ServiceArbiter(service).run()
    finally:
        # Workers leave through here, too.
        if os.getpid() == master and service.metrics_folder is not None:
            shutil.rmtree(service.metrics_folder, ignore_errors=True)


def make_metrics_folder() -> Path:
    """An empty folder.

    Raises:
        StartError: There is no room for one.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="ratings-metrics-"))
    except OSError as error:
        raise StartError(f"several workers need a folder for temporary files (TMPDIR): {error}") from error


def assign_slot(arbiter: ServiceArbiter, worker: ServiceWorker) -> None:
    """Give a worker that is about to start the lowest number that no other has."""
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(number for number in itertools.count() if number not in taken)
