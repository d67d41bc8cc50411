"""The server process: checks the settings, binds the address and serves with uvicorn."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import HANDLED_SIGNALS

from app.contract.errors import BadSetting, StartError, shorten
from app.http.auth import Keys, load_keys, warn_of_open_access
from app.http_guard import http_protocol
from app.main import create_app
from app.observability.logging import start_logging
from app.observability.metrics.worker_files import remove_abandoned_folders
from app.scoring.fetching import stop_fetching
from app.scoring.loading import load_registry
from app.scoring.memory import freeze_memory
from app.services.reload import LiveModels
from app.settings import Settings, service_variables, unknown_variables

logger = logging.getLogger(__name__)

# Open files of a process besides its connections: models, logs and the event loop.
OTHER_FILES: Final = 200
# Maximum length of the message that explains why the service cannot start.
MAX_LINE: Final = 1000

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class Server(uvicorn.Server):
    """Uvicorn that reloads the models on SIGHUP and exits with code 0 after a requested stop."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        config = uvicorn.Config(
            app,
            loop="auto",
            http=http_protocol(settings),
            # The limits of that protocol do not cover WebSockets.
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
        """Start listening, and log the address.

        Raises:
            StartError: The application could not start; uvicorn, which has logged the reason, would exit.
        """
        try:
            await super().startup(sockets)
        except SystemExit:
            raise StartError("the application could not start; its log has the reason") from None
        live: LiveModels | None = self.lifespan.state.get("live")
        if live is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, live.request_reload)
            # It has been blocked since the process started; a pending signal is delivered now.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        for listener in sockets or ():
            logger.info("ready on %s (process %d)", url_of(listener), os.getpid())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a fetch in progress would delay the end."""
        stop_fetching()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully on the first signal, immediately on the second. Uvicorn would raise them again."""
        with handling_signals(self.handle_exit):
            yield


@contextlib.contextmanager
def start_process(settings: Settings) -> Iterator[tuple[Keys, socket.socket]]:
    """Prepare the process to serve. In the block, signals end the process until a server handles them.

    Yields:
        The API keys, and the socket to listen on.

    Raises:
        StartError: The address is not available, an API key is invalid, or too few files may be open.
    """
    start_logging(settings.log_level, settings.log_format)
    for name in unknown_variables():
        logger.warning("%s is not a known setting", name)
    for name in service_variables():
        logger.warning("%s is ignored: Kubernetes sets it for a Service of that name", name)
    with handling_signals(exit_at_once):
        remove_abandoned_folders()
        raise_file_limit(settings.max_connections)
        keys = load_keys(settings)
        listener = bind_socket(settings.host, settings.port)
        warn_of_open_access(settings, keys, listener.getsockname()[0])
        logger.info("loading the models of %s", settings.store)
        yield keys, listener


def run_server(settings: Settings, keys: Keys, listener: socket.socket) -> None:
    """Load the models and serve in this process until a signal ends it.

    Raises:
        StartError: As `load_registry`, or the application could not start.
        ArtefactError: The store or a model in it is invalid.
    """
    app = create_app(settings, load_registry(settings), keys)
    freeze_memory()
    Server(app, settings).run([listener])


def bind_socket(host: str, port: int) -> socket.socket:
    """Bind a socket to the first available address of a host name or IP address; port 0 is any free one.

    Clients cannot connect before a server listens.

    Raises:
        StartError: No address is available.
    """
    try:
        return bind_first(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        # Quotes show blanks, which are easy to miss.
        shown = host if host == "".join(host.split()) else repr(host)
        raise StartError(f"cannot listen on {shown}:{port}: {reason} (RATINGS_HOST, RATINGS_PORT)") from error


def bind_first(addresses: Iterable[Address]) -> socket.socket:
    """Bind a socket to the first available address of at least one, as `socket.getaddrinfo` returns them.

    Raises:
        OSError: No address is available; the error is that of the last one.
    """
    error = OSError("no address")
    for family, _, _, _, address in addresses:
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as refused:
            listener.close()
            error = refused
        else:
            return listener
    raise error


def url_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def raise_file_limit(connections: int) -> None:
    """Raise the limit of open files for this process and its children to allow this many connections.

    Raises:
        BadSetting: The system does not allow it.
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
    """Install a handler for the signals that end a process, for the duration of the block."""
    before = {number: signal.signal(number, handler) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def exit_at_once(*_: object) -> None:
    """Signal handler: exit with code 0 at once, since there is nothing to finish."""
    stop_fetching()
    # Writes the remaining lines, which happens at the normal end of a process, but not with `os._exit`.
    logging.shutdown()
    os._exit(0)


def refuse_to_start(reason: object) -> None:
    """Write the reason why the service cannot start to standard error, in one line."""
    # Names from files may contain control characters, which must not reach a terminal.
    shown = "".join(letter if letter.isprintable() else " " for letter in str(reason))
    line = shorten(" ".join(shown.split()), MAX_LINE)
    with contextlib.suppress(OSError):
        sys.stderr.write(f"cannot start: {line}\n")
