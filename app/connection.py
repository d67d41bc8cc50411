"""One connection: uvicorn's, with a bound on what it keeps in memory, and problems where it said plain text.

Uvicorn gathers the address and headers of a request for as long as they arrive, so that a caller who
never ends them fills the memory.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.error_handlers import HEAD_TOO_LARGE, UNREADABLE_REQUEST, problem

MAX_HEAD_BYTES: Final = 64 * 1024


class Connection(HttpToolsProtocol):
    """Reads requests, and closes the connection on one whose head does not end.

    Bytes are counted until a part of a body arrives. That bounds the trailers of a chunked body, too, and
    costs a request that arrives whole next to nothing.
    """

    _without_body = 0

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        self._without_body += len(data)
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and cycle.scope is self.scope:
            self._without_body = 0
        elif self._without_body > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(problem(HEAD_TOO_LARGE, ""))

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._without_body = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what uvicorn would say
        """Answer what is no request."""
        self._refuse(problem(UNREADABLE_REQUEST, ""))

    def _refuse(self, answer: Response) -> None:
        # Nothing is said into the answer of an earlier request that is still worked on.
        cycle = self.cycle
        own = cycle is not None and cycle.scope is self.scope and not cycle.response_started
        if cycle is None or cycle.response_complete or (own and not self.pipeline):
            head = [b"%b: %b\r\n" % header for header in answer.raw_headers]
            self.transport.write(
                b"".join([STATUS_LINE[answer.status_code], *head, b"connection: close\r\n\r\n", answer.body])
            )
        self.transport.close()
