"""Runs several worker processes under gunicorn. They share the models that are loaded before the fork."""

from __future__ import annotations

import functools
import itertools
import logging
import mmap
import os
import signal
import socket
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.workers.base import Worker

from app.contract.errors import StartError
from app.main import create_app
from app.observability.logging import logging_config
from app.observability.metrics.worker_files import Slot, shared_folder
from app.scoring.loading import FORK_SAFE, check_store, load_registry
from app.scoring.memory import freeze_memory
from app.scoring.registry import Registry
from app.server import Server, exit_at_once, refuse_to_start, url_of
from app.settings import Settings
from training.artefact import ArtefactError

logger = logging.getLogger(__name__)

# A worker whose event loop is blocked for this long is replaced.
TIMEOUT_SECONDS: Final = 60
# Added to the time that requests in flight have to finish.
GRACE_SECONDS: Final = 2
# Delay between two attempts to start a worker.
RESPAWN_SECONDS: Final = 1.0
HEARTBEAT_TICKS: Final = 10
# Blocked from before the fork until the worker handles them, so that none is lost or kills the worker.
BLOCKED: Final = frozenset({signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


class ServiceApplication(BaseApplication):
    """The service as gunicorn's application.

    Attributes:
        settings: The service's settings.
        registry: The models of the last accepted store, which new workers start with; None if the engine's
            models do not survive a fork.
        metrics_folder: Folder in which workers share their counters; None without metrics.
        last_ready: The age (sequence number) of the worker that became ready last, shared with the workers.
    """

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        """Load the models, and prepare to serve on the bound socket `listener`."""
        self.settings = settings
        self.registry: Registry | None = None
        self.load_models()
        self.metrics_folder: Path | None = None
        self.last_ready = memoryview(mmap.mmap(-1, 8)).cast("Q")
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
        """Load what is new in the store; models that do not survive a fork are only checked.

        Raises:
            StartError: A setting names a model that is not in the store, or a model fails its probe.
            ArtefactError: The store or a model in it is invalid.
        """
        if self.settings.engine in FORK_SAFE:
            self.registry = load_registry(self.settings, self.registry)
            freeze_memory()
        else:
            check_store(self.settings)


class ServiceArbiter(Arbiter):
    """Gunicorn's master. It reloads models without new workers and survives all exit codes of workers."""

    # Gunicorn stops all workers if one exits with one of these codes. Exit codes are never negative.
    WORKER_BOOT_ERROR = APP_LOAD_ERROR = -1

    _next_spawn = 0.0

    def manage_workers(self) -> None:
        """Start missing workers one by one: when the previous one is ready, or after a second.

        Raises:
            HaltServer: The first worker could not start; it has logged the reason, which applies to all.
        """
        last_ready = self.app.last_ready[0]
        if self.worker_age and not last_ready and not self.WORKERS:
            raise HaltServer("the first worker could not start")
        if last_ready == self.worker_age or (last_ready and time.monotonic() >= self._next_spawn):
            self.num_workers = min(len(self.WORKERS) + 1, self.cfg.workers)
            super().manage_workers()

    def spawn_worker(self) -> None:
        """Fork a worker. In the child process this does not return."""
        self._next_spawn = time.monotonic() + RESPAWN_SECONDS
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            super().spawn_worker()
        except OSError as error:
            self.log.error("cannot start a worker: %s", error)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)

    def handle_hup(self) -> None:
        """Reload the models in the master, for workers that start later, and in every running worker."""
        try:
            self.app.load_models()
        except Exception as error:
            logger.error("reload refused, the previous models stay in service: %s", error)
        self.kill_workers(signal.SIGHUP)

    def ignore_signal(self) -> None:
        """Ignore signals that would start a second master or change the number of workers."""

    handle_int = Arbiter.handle_term
    handle_usr2 = handle_ttin = handle_ttou = ignore_signal


class ServiceWorker(Worker):
    """A worker process that serves with uvicorn.

    Attributes:
        slot: Number of the worker, reused after it ends.
    """

    slot: int

    def init_process(self) -> None:
        """Load what does not survive a fork, and serve until stopped."""
        try:
            super().init_process()
        except (StartError, ArtefactError) as error:
            refuse_to_start(error)
            sys.exit(1)

    def init_signals(self) -> None:
        """Leave signals to the server; until it listens, they end the process."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        # The master sends it to stop without waiting for requests.
        signal.signal(signal.SIGQUIT, exit_at_once)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED - {signal.SIGHUP})

    def load_wsgi(self) -> None:
        """Create the application."""
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
        """Start listening, and let the master start the next worker."""
        await super().startup(sockets)
        reload_all = functools.partial(os.kill, self._worker.ppid, signal.SIGHUP)
        self.lifespan.state["live"].reload_other_workers = reload_all
        self._worker.app.last_ready[0] = self._worker.age
        # Wake the master up.
        os.kill(self._worker.ppid, signal.SIGCHLD)

    async def on_tick(self, counter: int) -> bool:
        """Send a heartbeat to the master, and stop if the master has died."""
        if counter % HEARTBEAT_TICKS == 0:
            self._worker.notify()
            if os.getppid() != self._worker.ppid:
                self.should_exit = True
        return await super().on_tick(counter)


def run_workers(settings: Settings, listener: socket.socket) -> None:
    """Serve with several workers until stopped; leaves by SystemExit.

    Args:
        settings: The service's settings.
        listener: Bound socket that the workers listen on.

    Raises:
        StartError: A setting names a model that is not in the store, a model fails its probe, or there is no
            folder for temporary files.
        ArtefactError: The store or a model in it is invalid.
    """
    url = url_of(listener)
    service = ServiceApplication(settings, listener)
    logger.info("starting %d workers on %s", settings.workers, url)
    with shared_folder() if settings.metrics else nullcontext() as service.metrics_folder:
        ServiceArbiter(service).run()


def assign_slot(arbiter: ServiceArbiter, worker: ServiceWorker) -> None:
    """Assign the lowest free slot to a worker that is about to start."""
    taken = {other.slot for other in arbiter.WORKERS.values()}
    worker.slot = next(number for number in itertools.count() if number not in taken)
