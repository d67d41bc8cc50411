"""The socket that the service listens on."""

from __future__ import annotations

import resource
import socket
from typing import Final

from app.contract.errors import BadSetting, CannotListen

# Files that a process has open beside its connections: models, logs, the event loop's own.
OTHER_FILES: Final = 200


def allow_connections(most: int) -> None:
    """Have the system let this process, and those that it starts, hold so many connections at once.

    Raises:
        BadSetting: It does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BadSetting(
            f"RATINGS_MAX_CONNECTIONS: {most} and {OTHER_FILES} other files are more than the {hard} that "
            "the system allows a process to have open (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address. Nobody can connect before a server takes it over.

    Args:
        host: Name or address.
        port: 0 for any free one.

    Raises:
        CannotListen: They are not to be had.
    """
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        reason = getattr(error, "strerror", None) or "not a host name"
        raise CannotListen(
            f"cannot listen on {host}:{port}: {reason} (RATINGS_HOST, RATINGS_PORT)"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where clients find it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
