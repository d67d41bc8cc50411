"""One connection: uvicorn's, with bounds on what it keeps and how long it waits, problems for text.

Uvicorn gathers the address and headers of a request for as long as they arrive, so that a caller who never
ends them fills the memory, and it waits for ever for a client that is silent half way.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, cast

import httptools
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.crowd import Crowd
from app.error_handlers import HEAD_TOO_LARGE, UNREADABLE_REQUEST, kind_of, problem
from app.errors import Overloaded, TooSlow
from app.reading import OVERDUE
from app.upgrading import parser_within

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Scope

MAX_HEAD_BYTES: Final = 64 * 1024
# In place of a count: a part of a body has arrived.
_BODY: Final = -1
_ENDS: Final = (b"\n\r\n", b"\n\n")


class Step(Enum):
    """What a connection is at."""

    NEW = auto()
    HEAD = auto()
    BODY = auto()
    WORK = auto()
    # The answer, or what is left of it, does not fit the system's buffers.
    ANSWER = auto()
    # Answered, while the body of the same request still arrives.
    REST = auto()
    IDLE = auto()


class Connection(HttpToolsProtocol):
    """Reads requests, and ends with the first that does not come to an end.

    Bytes are counted until a part of a body arrives. That bounds the trailers of a chunked body, too, and
    costs a request that arrives whole next to nothing.
    """

    _without_body = 0

    def __init__(self, *arguments: Any, crowd: Crowd, **named: Any) -> None:
        """Make a connection of `crowd`; all else is uvicorn's."""
        super().__init__(*arguments, **named)
        self._crowd = crowd
        # The step that was last seen and the request that it was a part of, and since when.
        self._seen: tuple[Step, Any] = (Step.NEW, None)
        self._since = 0.0
        self._working_on: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._crowd.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._tell_working()
        super().connection_lost(exc)
        self._crowd.leave(self)

    def abort(self) -> None:
        """End at once, without what has not been sent."""
        self._tell_working()
        self.transport.abort()

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
        if self._without_body > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(problem(HEAD_TOO_LARGE, ""))

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what uvicorn would say
        """Answer what is no request."""
        self._refuse(problem(UNREADABLE_REQUEST, ""))

    def turn_away(self) -> None:
        """Say that there are too many connections, and end."""
        self._refuse(problem(kind_of(Overloaded), str(Overloaded())))

    @property
    def has_sent_nothing(self) -> bool:
        """Whether not one whole request has arrived."""
        return self.cycle is None or self.cycle.more_body

    @property
    def owes_a_request(self) -> bool:
        """Whether it is the client's turn to send something."""
        return self._step() in (Step.NEW, Step.HEAD, Step.BODY, Step.REST, Step.IDLE)

    def hurry(self, now: float) -> None:
        """End, or answer, if the client has taken too long for what it is at.

        Args:
            now: The event loop's time.
        """
        seen = (self._step(), self.scope)
        if seen[0] is not self._seen[0] or seen[1] is not self._seen[1]:
            self._seen, self._since = seen, now
            return
        patience, took = self._crowd.patience, now - self._since
        match seen[0]:
            case Step.NEW if took > patience.head:
                self.transport.close()
            case Step.HEAD if took > patience.head:
                self._refuse(problem(kind_of(TooSlow), str(TooSlow())))
            case Step.BODY if took > patience.body:
                # Whoever reads the body hears of it, and answers.
                self.cycle.scope["state"][OVERDUE] = True
                self.cycle.message_event.set()
            case Step.REST if took > patience.body:
                self.transport.close()
            case Step.IDLE if took > patience.idle:
                self.transport.close()
            case Step.ANSWER if took > patience.answer:
                self.abort()

    def _step(self) -> Step:
        cycle, scope = self.cycle, cast("Scope | None", self.scope)
        if self.transport.get_write_buffer_size() or self.transport.is_closing():
            return Step.ANSWER
        if cycle is not None and not cycle.response_complete:
            return Step.BODY if cycle.more_body and not self.pipeline else Step.WORK
        if scope is None:
            return Step.NEW
        if cycle is None or cycle.scope is not scope:
            return Step.HEAD
        return Step.REST if cycle.more_body else Step.IDLE

    def on_response_complete(self) -> None:
        """Go on to the next request; unlike uvicorn, without a timer for each."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._working_on = cycle
        super()._start_asgi_task(cycle, app)

    def _tell_working(self) -> None:
        """Have what is worked on write no more; uvicorn tells the last request, which may wait behind it."""
        if self._working_on is not None:
            self._working_on.disconnected = True

    def _refuse(self, answer: Response) -> None:
        # Nothing is said into the answer of an earlier request that is still worked on.
        cycle = self.cycle
        own = cycle is not None and cycle.scope is self.scope and not cycle.response_started
        if cycle is None or cycle.response_complete or (own and not self.pipeline):
            head = [b"%b: %b\r\n" % header for header in answer.raw_headers if header[0] != b"connection"]
            self.transport.write(
                b"".join([STATUS_LINE[answer.status_code], *head, b"connection: close\r\n\r\n", answer.body])
            )
        self.transport.close()


def _end_of_last_head(data: bytes) -> int:
    """Where the last blank line in `data` ends; 0 where there is none."""
    return max([0, *(data.rfind(end) + len(end) for end in _ENDS if end in data)])
