"""What a client sends: from bytes to requests, with a bound on what is gathered of one before it is there."""

from __future__ import annotations

from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.contract.errors import HeadTooLarge, RequestError, UnreadableRequest
from app.upgrading import parser_within

MAX_HEAD_BYTES: Final = 64 * 1024
# In place of a count: a part of a body has arrived.
_BODY: Final = -1
_ENDS: Final = (b"\n\r\n", b"\n\n")


class Receiving(HttpToolsProtocol):
    """Uvicorn's connection, as far as it receives.

    Bytes are counted until a part of a body arrives. That bounds the trailers of a chunked body, too, and
    costs a request that arrives whole next to nothing.
    """

    _without_body = 0

    def __init__(self, *arguments: Any, max_body_bytes: int, **named: Any) -> None:
        """Make a connection.

        Args:
            arguments: Uvicorn's.
            max_body_bytes: A body that states more is refused by whoever reads it.
            named: Uvicorn's.
        """
        super().__init__(*arguments, **named)
        self._max_body_bytes = max_body_bytes

    def refuse(self, error: RequestError) -> None:
        """Answer what is there of a request with `error`, and read no further."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        before = self.scope
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data, upgrade)
        except httptools.HttpParserError:
            self.send_400_response("")
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and cycle.scope is self.scope:
            self._without_body = 0
        else:
            self._count(data, before)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._without_body = _BODY
        super().on_body(body)

    def _stay(self, data: bytes, upgrade: httptools.HttpParserUpgrade) -> None:
        """Go on behind a head that asked for another protocol."""
        rest = memoryview(data)
        while True:
            rest = rest[upgrade.args[0] :]
            try:
                self.parser = parser_within(self)
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as another:
                upgrade = another
            except httptools.HttpParserError:
                return self.send_400_response("")
            else:
                return None

    def _count(self, data: bytes, before: Any) -> None:
        """Count `data`, which does not end with a request, and end if that has become too much."""
        if self._without_body == _BODY:
            self._without_body = 0
        elif self.scope is not before:
            # What came before the head that has begun here is no part of it.
            self._without_body = len(data) - _end_of_last_head(data)
        else:
            self._without_body += len(data)
        if self._without_body > MAX_HEAD_BYTES:
            self.refuse(HeadTooLarge())
        elif self.cycle is not None and self.cycle.scope is self.scope:
            self._look_at_stated_length(self.cycle)

    def _look_at_stated_length(self, cycle: RequestResponseCycle) -> None:
        """Have a body that is to be too large refused before it comes, and not asked for."""
        stated = next((value for name, value in cycle.scope["headers"] if name == b"content-length"), b"0")
        if stated.isdigit() and int(stated[:20]) > self._max_body_bytes:
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what uvicorn would say
        """Answer what is no request."""
        self.refuse(UnreadableRequest())


def _end_of_last_head(data: bytes) -> int:
    """Where the last blank line in `data` ends; 0 where there is none."""
    return max([0, *(data.rfind(end) + len(end) for end in _ENDS if end in data)])
