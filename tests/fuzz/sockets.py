"""Send raw bytes to a server, and parse the responses."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True)
class Answer:
    """One response: its status and all bytes of it, head included."""

    status: int
    content_type: str
    body: bytes


def exchange(url: str, sent: bytes, seconds: float = 5, part: int = 1 << 16) -> list[Answer]:
    """Send bytes on a connection of their own; the answers until the server closes or says nothing more.

    Args:
        url: Where to.
        sent: What to send; a server that stops reading is no error.
        seconds: To wait for the first answer.
        part: Bytes a write.
    """
    parts = urlsplit(url)
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as connection:
        with contextlib.suppress(ConnectionError, TimeoutError):
            for start in range(0, len(sent), part):
                connection.sendall(sent[start : start + part])
        deadline = time.monotonic() + seconds
        with contextlib.suppress(ConnectionError, TimeoutError):
            while time.monotonic() < deadline:
                # After a complete response, any further bytes follow soon.
                connection.settimeout(0.05 if _answers(received)[1] else seconds)
                block = connection.recv(1 << 16)
                if not block:
                    break
                received += block
    return _answers(received)[0]


def _answers(received: bytes) -> tuple[list[Answer], bool]:
    """Return the responses in `received`, and whether the last one is complete."""
    found: list[Answer] = []
    while received:
        head, blank, rest = received.partition(b"\r\n\r\n")
        if not blank:
            return found, False
        status = STATUS.match(head)
        assert status, received[:200]
        if status[1] == b"100":
            received = rest
            continue
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        }
        size = int(headers.get(b"content-length", b"0"))
        if len(rest) < size:
            return found, False
        found.append(Answer(int(status[1]), headers.get(b"content-type", b"").decode(), rest[:size]))
        received = rest[size:]
    return found, bool(found)
