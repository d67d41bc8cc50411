"""A request that asks for another protocol is answered in this one, as a server may.

The parser takes what follows the head of such a request for the other protocol's: it skips the body, and
then stops. So a new one takes its place, in the state that the first would be in without those headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httptools

if TYPE_CHECKING:
    from app.receiving import Receiving

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


def parser_within(connection: Receiving) -> httptools.HttpRequestParser:
    """A parser of what follows the head that `connection` has read last: the body, and further requests."""
    parser = httptools.HttpRequestParser(_DeafToOneHead(connection))
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    cycle = connection.cycle
    # The first parser took the request for whole.
    cycle.more_body = True
    cycle.message_event.clear()
    framing = [b"%b: %b\r\n" % header for header in cycle.scope["headers"] if header[0] in _FRAMING]
    parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *framing, b"\r\n"]))
    return parser


class _DeafToOneHead:
    """Hands on what a parser finds, but for the first head."""

    def __init__(self, connection: Receiving) -> None:
        self._connection, self._deaf = connection, True
        self.on_body, self.on_message_complete = connection.on_body, connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._deaf:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._deaf:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._deaf:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._deaf:
            self._connection.on_headers_complete()
        self._deaf = False
