"""The process: listens, loads, serves, and leaves with exit code 0 when it is told to."""

from __future__ import annotations

import contextlib
import gc
import logging
import logging.config
import os
import signal
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import HANDLED_SIGNALS
from uvicorn.supervisors import Multiprocess

from app.connection import Connection
from app.errors import CannotListen, StartError
from app.keys import load_keys, readable_by_others
from app.logs import logging_config
from app.main import create_app
from app.scoring.loading import check_store, load_registry
from app.settings import Settings, load_settings, unknown_variables
from training.artefact import ArtefactError

logger = logging.getLogger(__name__)

WORKER_START_SECONDS: Final = 120


class Server(uvicorn.Server):
    """Uvicorn, without raising again the signal that told it to stop: doing as told is no failure."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and say so."""
        await super().startup(sockets)
        for listener in sockets or ():
            logger.info("ready on %s", _url(listener))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully on the first signal, at once on the second."""
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(settings: Settings) -> int:
    """Serve until told to stop.

    Returns:
        The exit code.

    Raises:
        StartError: The address is not to be had, an API key is no key, or a model does not answer.
        ArtefactError: The store, or a model in it, is not fit to be served.
    """
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    for name in unknown_variables():
        logger.warning("%s is no setting", name)
    with leaving_at_once():
        listener = listen(settings)
        _check_doors(settings, listener)
        logger.info("loading the models of %s", settings.store)
        if settings.workers == 1:
            Server(server_config(_load_app(settings), settings)).run([listener])
            return 0
        check_store(settings)
        logger.info("starting %d workers on %s", settings.workers, _url(listener))
        supervisor = Multiprocess(server_config("app.server:create_worker_app", settings), [listener])
        supervisor.run()
    return int(any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes))


def create_worker_app() -> FastAPI:
    """The application of one of several workers, its models loaded; ends the worker if they cannot be."""
    try:
        settings = load_settings()
        with leaving_at_once():
            app = _load_app(settings)
    except (StartError, ArtefactError) as error:
        refuse_to_start(error)
        sys.exit(STARTUP_FAILURE)
    logger.info("worker %d is ready", os.getpid())
    return app


def refuse_to_start(error: Exception) -> None:
    """Say in one line on standard error why nothing starts."""
    line = " ".join(str(error).split())
    sys.stderr.write(f"cannot start: {line}\n")


def listen(settings: Settings) -> socket.socket:
    """A socket bound to the settings' host and port. Nobody can connect before a server takes it over.

    Raises:
        CannotListen: They are not to be had.
    """
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        reason = getattr(error, "strerror", None) or "not a host name"
        raise CannotListen(
            f"cannot listen on {settings.host}:{settings.port}: {reason} (RATINGS_HOST, RATINGS_PORT)"
        ) from error
    listener.set_inheritable(True)
    return listener


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
    """Until a server takes signals over there is nothing to finish: one ends the process with exit code 0."""

    def leave(_number: int, _frame: Any) -> None:
        os._exit(0)

    before = {number: signal.signal(number, leave) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_doors(settings: Settings, listener: socket.socket) -> None:
    """Log what lets in more callers than is probably meant.

    Raises:
        BadSetting: An API key is no key.
    """
    keys, address = load_keys(settings), listener.getsockname()[0]
    for path in readable_by_others(settings):
        logger.warning("%s holds API keys and may be read by every user (chmod o-r)", path)
    if not (keys.reading or ip_address(address).is_loopback):
        logger.warning("whoever reaches %s may call: no RATINGS_API_KEYS_FILE is set", _url(listener))


def _load_app(settings: Settings) -> FastAPI:
    """The application with its models loaded."""
    app = create_app(settings, load_registry(settings))
    # What is there now stays: the collector need not walk it, which takes longer than a large request.
    gc.collect()
    gc.freeze()
    return app


def server_config(app: ASGIApp | str, settings: Settings) -> uvicorn.Config:
    """How uvicorn is run: `app`, or the name of what makes it, under `settings`."""
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        loop="auto",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=logging_config(settings.log_level, settings.log_format),
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        timeout_worker_healthcheck=WORKER_START_SECONDS,
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
