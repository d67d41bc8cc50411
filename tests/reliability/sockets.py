"""Raw connections, for clients that behave like no library."""

from __future__ import annotations

import socket


def read_until(connection: socket.socket, end: bytes = b"") -> bytes:
    """Read until the data ends with `end`, or if `end` is empty until the server closes."""
    received = b""
    while not (end and received.endswith(end)):
        part = connection.recv(1 << 16)
        if not part:
            break
        received += part
    assert received.endswith(end), received[-200:]
    return received
