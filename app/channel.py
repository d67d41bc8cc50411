"""What a supervisor and its workers say to each other: single bytes over a pair of sockets.

The socket says one thing without a word: when one end dies, the other end reads its end. A byte that is sent
to a worker while it still loads waits for it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    # Not for the supervisor, which would be a third larger.
    import asyncio

# A worker listens.
READY: Final = b"R"
# A worker's event loop turns.
ALIVE: Final = b"."
# To the supervisor: the others should read the store anew. To a worker: it should.
RELOAD: Final = b"L"
MAX_BYTES: Final = 4096


class Channel:
    """A worker's end."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)

    def say(self, word: bytes) -> None:
        """Tell the supervisor, if there still is one, and it listens."""
        with contextlib.suppress(OSError):
            self._socket.send(word)

    def heed(
        self,
        loop: asyncio.AbstractEventLoop,
        on_reload: Callable[[], object],
        on_gone: Callable[[], object],
    ) -> None:
        """From now on, do as the supervisor says.

        Args:
            loop: The event loop that runs.
            on_reload: Called when the store should be read anew.
            on_gone: Called once, when there is no supervisor any more.
        """

        def hear() -> None:
            try:
                words = self._socket.recv(MAX_BYTES)
            except BlockingIOError:
                return
            except OSError:
                words = b""
            if not words:
                loop.remove_reader(self._socket)
                on_gone()
            elif RELOAD in words:
                on_reload()

        loop.add_reader(self._socket, hear)
