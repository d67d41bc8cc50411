"""The process: listens, loads, serves, and leaves with exit code 0 when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import logging.config
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.server import HANDLED_SIGNALS

from app.channel import ALIVE, READY, RELOAD, Channel
from app.contract.errors import shorten
from app.http.api_keys import load_keys, readable_by_others
from app.http_guard import http_protocol
from app.listening import allow_connections, listen, url_of
from app.main import create_app
from app.observability.logging import logging_config
from app.scoring.gc_freeze import settle
from app.scoring.loading import check_store, load_registry
from app.services.reload import LiveModels
from app.settings import Settings, unknown_variables
from app.supervising import become_supervisor

logger = logging.getLogger(__name__)

# Characters of the line that says why nothing starts.
MAX_LINE: Final = 1000
# Turns of the server's clock, a tenth of a second each, from one sign of life to the next.
ALIVE_TICKS: Final = 50


class Server(uvicorn.Server):
    """Uvicorn, without raising again the signal that told it to stop: doing as told is no failure."""

    def __init__(
        self, app: ASGIApp, settings: Settings, channel: Channel | None = None, hangups: Sequence[int] = ()
    ) -> None:
        """Prepare to serve.

        Args:
            app: What answers.
            settings: How to listen to clients.
            channel: To the supervisor, if there is one.
            hangups: See `keep_hangups`.
        """
        config = uvicorn.Config(
            app,
            loop="auto",
            http=http_protocol(settings),
            # A WebSocket would escape the limits of that protocol.
            ws="none",
            lifespan="on",
            log_config=logging_config(settings.log_level, settings.log_format),
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
        super().__init__(config)
        self._channel, self._hangups = channel, hangups

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and say so."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        live: LiveModels | None = self.lifespan.state.get("live")
        if live is not None:
            loop.add_signal_handler(signal.SIGHUP, live.ask)
            if self._hangups:
                live.ask()
        if self._channel is None or live is None:
            for listener in sockets or ():
                logger.info("ready on %s", url_of(listener))
        else:
            live.tell_others = functools.partial(self._channel.say, RELOAD)
            self._channel.heed(loop, on_reload=live.ask, on_gone=self.stop)
            logger.info("worker %d is ready", os.getpid())
            self._channel.say(READY)

    async def on_tick(self, counter: int) -> bool:
        """Do what is to be done now and then; called ten times a second."""
        if self._channel is not None and counter % ALIVE_TICKS == 0:
            self._channel.say(ALIVE)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully on the first signal, at once on the second."""
        with handling_signals(self.handle_exit):
            yield

    def stop(self) -> None:
        """Finish what is in flight, and leave."""
        self.should_exit = True


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
    hangups = keep_hangups()
    with leaving_at_once():
        allow_connections(settings.max_connections)
        listener = listen(settings.host, settings.port)
        _check_doors(settings, listener)
        logger.info("loading the models of %s", settings.store)
        if settings.workers > 1:
            # Whatever is wrong is said here, once; the workers load for themselves.
            check_store(settings)
            become_supervisor(listener, settings)
        Server(load_app(settings), settings, hangups=hangups).run([listener])
    return 0


def _check_doors(settings: Settings, listener: socket.socket) -> None:
    """Log what lets in more callers than is probably meant.

    Raises:
        BadSetting: An API key is no key.
    """
    keys, address = load_keys(settings), listener.getsockname()[0]
    for path in readable_by_others(settings):
        logger.warning("%s holds API keys and may be read by every user (chmod o-r)", path)
    if not (keys.reading or ip_address(address).is_loopback):
        logger.warning("whoever reaches %s may call: no RATINGS_API_KEYS_FILE is set", url_of(listener))


def load_app(settings: Settings) -> FastAPI:
    """The application with its models loaded.

    Raises:
        StartError: A setting names what the store does not hold, or a model does not answer.
        ArtefactError: The store, or a model in it, is not fit to be served.
    """
    app = create_app(settings, load_registry(settings))
    settle()
    return app


def refuse_to_start(error: Exception) -> None:
    """Say in one line on standard error why nothing starts."""
    # Names in a file may hold anything, and end up on somebody's terminal.
    shown = "".join(letter if letter.isprintable() else " " for letter in str(error))
    line = shorten(" ".join(shown.split()), MAX_LINE)
    with contextlib.suppress(OSError):
        sys.stderr.write(f"cannot start: {line}\n")


def keep_hangups() -> list[int]:
    """From now on SIGHUP does not end the process: until a server heeds it, it is kept in the list."""
    kept: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, _: kept.append(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    return kept


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
    """Until a server takes signals over there is nothing to finish: one ends the process with exit code 0."""
    with handling_signals(lambda *_: os._exit(0)):
        yield


@contextlib.contextmanager
def handling_signals(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Have `handler` called for the signals that end a process."""
    before = {number: signal.signal(number, handler) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
