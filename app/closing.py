"""The end of a connection whose client is still sending: it hears the answer, and not a reset.

A system that is told to close while bytes arrive throws away what the other side has not read yet. So the
server first only stops writing, and reads on for a while without looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

# Bounds on what is read without looking.
LINGER_BYTES: Final = 32 * 1024 * 1024
LINGER_SECONDS: Final = 5.0


class Lingering:
    """Stands in for the parser of a connection that has said all it has to say."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Stop writing through `transport`, once what is written has been sent."""
        self._transport, self._left = transport, LINGER_BYTES
        transport.write_eof()
        loop.call_later(LINGER_SECONDS, transport.close)

    def feed_data(self, data: bytes) -> None:
        """Take what has arrived."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.close()


class Ending:
    """A transport with another way to close. What each request asks of it is the transport's own."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.close, self.is_closing = close, transport.is_closing
        self.write, self.abort, self.get_extra_info = (
            transport.write,
            transport.abort,
            transport.get_extra_info,
        )
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading
        self.get_write_buffer_size = transport.get_write_buffer_size

    def end(self) -> None:
        """Look closed from now on."""
        self.is_closing = _yes


def _yes() -> bool:
    return True
