"""Runs several worker processes under gunicorn. They share the models that are loaded before the fork."""

import contextlib
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
from types import FrameType
from typing import Final

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from app.contract.errors import StartError
from app.http.auth import Keys
from app.main import create_app
from app.observability.metrics.worker_files import WorkerFile, shared_folder
from app.scoring.fetching import local_store, stop_fetching
from app.scoring.loading import FORK_SAFE, check_store, find_folders, load_registry
from app.scoring.memory import freeze_memory
from app.scoring.registry import Registry
from app.server import Server, exit_at_once, refuse_to_start, url_of
from app.settings import Settings
from training.artefact import ArtefactError
from training.artefact.manifest import ARTEFACT_FILES

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
# Those of them that stop the service.
STOPPING: Final = BLOCKED - {signal.SIGHUP}


class ServiceApplication(BaseApplication):
    """The service as gunicorn's application. New workers start with what it loaded last.

    Attributes:
        settings: The service's settings.
        keys: The API keys of the start: a key file may have become invalid since.
        registry: The models of the last accepted store; None if the engine's models do not survive a fork.
        copies: Copies of the accepted stores for such an engine, the last two of them.
        folder: Temporary folder for these copies, and for the counters that workers share.
        last_ready: The age (sequence number) of the worker that became ready last, shared with the workers.
    """

    def __init__(self, settings: Settings, keys: Keys, listener: socket.socket, folder: Path) -> None:
        """Load the models, and prepare to serve on the bound socket `listener`."""
        self.settings, self.keys, self.folder = settings, keys, folder
        self.registry: Registry | None = None
        self.copies: list[Path] = []
        self.load_models()
        self.last_ready = memoryview(mmap.mmap(-1, 8)).cast("Q")
        self._bind = f"fd://{listener.detach()}"
        super().__init__()

    def load_config(self) -> None:
        """Configure gunicorn."""
        for name, value in {
            "bind": self._bind,
            "workers": self.settings.workers,
            "worker_class": ServiceWorker,
            "pre_fork": assign_number,
            "timeout": TIMEOUT_SECONDS,
            "graceful_timeout": self.settings.shutdown_seconds + GRACE_SECONDS,
            "errorlog": None,
            "logger_class": ServiceLogger,
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load_models(self) -> None:
        """Load what is new in the store; models that do not survive a fork are only checked and copied.

        Raises:
            StartError: As `load_registry`, or the models cannot be copied.
            ArtefactError: The store or a model in it is invalid.
        """
        if self.settings.engine in FORK_SAFE:
            self.registry = load_registry(self.settings, self.registry)
            freeze_memory()
        else:
            self.copies.append(copy_store(self.settings, self.folder))
            if len(self.copies) > 2:
                # A worker may still be starting from the copy before.
                shutil.rmtree(self.copies.pop(0), ignore_errors=True)


class ServiceLogger(Logger):
    """Gunicorn's log, written by the handlers of the service."""

    def setup(self, cfg: Config) -> None:  # noqa: ARG002
        """Leave the handlers as they are: a signal that ends the process must not meet half a handler."""
        self.error_log.propagate = True


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

    def signal(self, sig: int, frame: FrameType | None) -> None:
        """Queue a signal; one that stops the service ends a fetch in progress, which would delay it."""
        super().signal(sig, frame)
        if sig in STOPPING:
            stop_fetching()

    def handle_hup(self) -> None:
        """Reload the models in the master, for workers that start later, and in every running worker."""
        try:
            self.app.load_models()
        except (StartError, ArtefactError) as error:
            logger.error("reload refused, the previous models stay in service: %s", error)
        except Exception:
            logger.exception("reload refused, the previous models stay in service")
        self.kill_workers(signal.SIGHUP)

    def ignore_signal(self) -> None:
        """Ignore signals that would start a second master or change the number of workers."""

    handle_int = Arbiter.handle_term
    handle_usr2 = handle_ttin = handle_ttou = ignore_signal


class ServiceWorker(Worker):
    """A worker process that serves with uvicorn.

    Attributes:
        number: The lowest number from 0 that no other running worker has.
    """

    number: int

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
        service = self.app
        registry = service.registry
        if registry is None:
            registry = load_registry(service.settings.model_copy(update={"store": service.copies[-1]}))
            freeze_memory()
        self.wsgi = create_app(
            service.settings, registry, service.keys, WorkerFile(service.folder, self.number)
        )

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
        self.lifespan.state["live"].reload_all_workers = reload_all
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


def run_workers(settings: Settings, keys: Keys, listener: socket.socket) -> None:
    """Serve with several workers until stopped; leaves by SystemExit.

    Raises:
        StartError: As `load_registry`, or there is no folder for temporary files.
        ArtefactError: The store or a model in it is invalid.
    """
    url = url_of(listener)
    with shared_folder() as folder:
        service = ServiceApplication(settings, keys, listener, folder)
        logger.info("starting %d workers on %s", settings.workers, url)
        ServiceArbiter(service).run()


def assign_number(arbiter: ServiceArbiter, worker: ServiceWorker) -> None:
    """Number a worker that is about to start."""
    taken = {other.number for other in arbiter.WORKERS.values()}
    worker.number = next(number for number in itertools.count() if number not in taken)


def copy_store(settings: Settings, folder: Path) -> Path:
    """Copy the models that `settings` name into a new folder in `folder`, and check the copy.

    Raises:
        StartError: A setting names a model that is not in the store, or the copy cannot be written.
        ArtefactError: The store or a model in it is invalid.
    """
    settings = settings.model_copy(update={"store": local_store(settings)})
    check_store(settings)
    try:
        copy = Path(tempfile.mkdtemp(prefix="store-", dir=folder))
        for model in find_folders(settings):
            (copy / model.name).mkdir()
            for name in ARTEFACT_FILES:
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(model / name, copy / model.name / name)
    except (OSError, shutil.Error) as error:
        raise StartError(f"the models cannot be copied for the workers (TMPDIR): {error}") from error
    check_store(settings.model_copy(update={"store": copy}))
    return copy
