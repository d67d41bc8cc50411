"""Raw connections, for clients that no library would be."""

from __future__ import annotations

import socket


def read_until(connection: socket.socket, end: bytes = b"") -> bytes:
    """What arrives until it ends with `end`; all until the server closes, if that is nothing."""
    received = b""
    while not (end and received.endswith(end)):
        part = connection.recv(1 << 16)
        if not part:
            break
        received += part
    assert received.endswith(end), received[-200:]
    return received
