"""The process: checks what it was given, listens, and serves with uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import HANDLED_SIGNALS

from app.contract.errors import BadSetting, CannotListen, shorten
from app.http.api_keys import warn_of_open_access
from app.http_guard import http_protocol
from app.main import create_app
from app.observability.logging import start_logging, stop_logging
from app.scoring.loading import load_registry
from app.scoring.memory import freeze_memory
from app.services.reload import LiveModels
from app.settings import Settings, service_variables, unknown_variables

logger = logging.getLogger(__name__)

# Files that a process has open beside its connections: models, logs, the event loop's own.
OTHER_FILES: Final = 200
# Characters of the line that says why nothing starts.
MAX_LINE: Final = 1000


class Server(uvicorn.Server):
    """Uvicorn, which reloads the models on SIGHUP, and for which a stop that was asked for is no failure."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Prepare to serve `app`."""
        config = uvicorn.Config(
            app,
            loop="auto",
            http=http_protocol(settings),
            # A WebSocket would escape the limits of that protocol.
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and say so."""
        await super().startup(sockets)
        live: LiveModels | None = self.lifespan.state.get("live")
        if live is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, live.request_reload)
            # Blocked since the process began: one that came meanwhile is handled now.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        for listener in sockets or ():
            logger.info("ready on %s (process %d)", url_of(listener), os.getpid())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully on the first signal, at once on the second; uvicorn would raise them again."""
        with handling_signals(self.handle_exit):
            yield


@contextlib.contextmanager
def start_process(settings: Settings) -> Iterator[socket.socket]:
    """Prepare the process to serve. Within the block a signal ends it, until a server handles signals itself.

    Yields:
        The socket to listen on.

    Raises:
        StartError: The address is not to be had, an API key is no key, or too few files may be open.
    """
    start_logging(settings.log_level, settings.log_format)
    for name in unknown_variables():
        logger.warning("%s is not a known setting", name)
    for name in service_variables():
        logger.warning("%s is ignored: Kubernetes sets it for a Service of that name", name)
    with handling_signals(exit_at_once):
        raise_file_limit(settings.max_connections)
        listener = bind_socket(settings.host, settings.port)
        warn_of_open_access(settings, listener.getsockname()[0])
        logger.info("loading the models of %s", settings.store)
        yield listener


def run_server(settings: Settings, listener: socket.socket) -> None:
    """Load the models and serve in this process until told to stop.

    Raises:
        StartError: A setting names what the store does not hold, or a model does not answer.
        ArtefactError: The store, or a model in it, is not fit to be served.
    """
    app = create_app(settings, load_registry(settings))
    freeze_memory()
    Server(app, settings).run([listener])


def bind_socket(host: str, port: int) -> socket.socket:
    """A socket bound to an address. Nobody can connect before a server listens on it.

    Args:
        host: Name or address.
        port: 0 for any free one.

    Raises:
        CannotListen: They are not to be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        # Quotes show blanks, which are easy to miss.
        shown = host if host == "".join(host.split()) else repr(host)
        raise CannotListen(
            f"cannot listen on {shown}:{port}: {reason} (RATINGS_HOST, RATINGS_PORT)"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where clients find it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def raise_file_limit(connections: int) -> None:
    """Have the system let this process, and those that it starts, hold so many connections at once.

    Raises:
        BadSetting: It does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BadSetting(
            f"RATINGS_MAX_CONNECTIONS: {connections} and {OTHER_FILES} other files are more than the {hard} "
            "that the system allows a process to have open (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def handling_signals(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Have `handler` called for the signals that end a process."""
    before = {number: signal.signal(number, handler) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def exit_at_once(*_: object) -> None:
    """End the process, which has nothing to finish, with exit code 0; a signal handler."""
    stop_logging()
    os._exit(0)


def refuse_to_start(error: Exception) -> None:
    """Say in one line on standard error why nothing starts."""
    # Names in a file may hold anything, and end up on somebody's terminal.
    shown = "".join(letter if letter.isprintable() else " " for letter in str(error))
    line = shorten(" ".join(shown.split()), MAX_LINE)
    with contextlib.suppress(OSError):
        sys.stderr.write(f"cannot start: {line}\n")
