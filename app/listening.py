"""The socket that the service listens on."""

from __future__ import annotations

import socket

from app.errors import CannotListen


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
