"""One connection: uvicorn's, with bounds on what it keeps and how long it waits, problems for text.

Uvicorn gathers the address and headers of a request for as long as they arrive, so that a caller who never
ends them fills the memory, and it waits for ever for a client that is silent half way.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.closing import Ending, Lingering
from app.contract.errors import Overloaded, RequestError, TooSlow
from app.crowd import Crowd
from app.receiving import Receiving
from app.refusing import REFUSAL, refuse

if TYPE_CHECKING:
    from starlette.types import Scope


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


class Connection(Receiving):
    """Receives requests, and ends with the first that does not come to an end."""

    _is_refused = _lingers = False

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
        self._transport = transport
        # Uvicorn writes to it, and closes it after an answer that is the last.
        super().connection_made(cast("asyncio.Transport", Ending(transport, self._end)))
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

    def turn_away(self) -> None:
        """Say that there are too many connections, and end."""
        self.refuse(Overloaded())

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
                self.refuse(TooSlow())
            case Step.BODY if took > patience.body:
                self.refuse(TooSlow())
            case Step.REST if took > patience.body:
                self.transport.close()
            case Step.IDLE if took > patience.idle:
                self.transport.close()
            case Step.ANSWER if took > patience.answer:
                self.abort()

    def _step(self) -> Step:
        cycle, scope = self.cycle, cast("Scope | None", self.scope)
        if self._lingers:
            return Step.REST
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

    def refuse(self, error: RequestError) -> None:
        """Answer what is there of a request with `error`, after all before it, and read no further."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        cycle = self.cycle
        if cycle is None or cycle.scope is not self.scope or not cycle.more_body:
            self._refuse_head(error)
        elif cycle.response_complete:
            self.transport.close()
        else:
            # Whoever reads the body hears of it, and answers.
            cycle.keep_alive = False
            cycle.scope["state"][REFUSAL] = error
            cycle.message_event.set()

    def _refuse_head(self, error: RequestError) -> None:
        before = self.cycle
        if self.scope is None or (before is not None and before.scope is self.scope):
            self.on_message_begin()
        path = self.url.partition(b"?")[0]
        method = self.parser.get_method().decode("latin-1") if path else "-"
        known = {"method": method, "path": path.decode("latin-1"), "raw_path": path or b"-"}
        cast("dict[str, Any]", self.scope).update(known, query_string=b"")
        self.scope["state"][REFUSAL] = error
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        self.flow.pause_reading()
        app = self.app_state.get("refusing", refuse)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, app)
        else:
            self.pipeline.appendleft((self.cycle, app))

    def _end(self) -> None:
        """Close; where the client may still be sending, once it has had time to read the answer."""
        if self._lingers or self._transport.is_closing() or self.cycle is None or not self.cycle.more_body:
            self._transport.close()
            return
        self._lingers = True
        cast("Ending", self.transport).end()
        self.parser = cast("Any", Lingering(self._transport, self.loop))
        self.flow.resume_reading()
