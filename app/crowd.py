"""All connections of a process: how many there may be, and how long each may take for what.

Nothing is measured while a request is answered. Once a second every connection is looked at; one that is
still in the same step as when it was first seen there, and should not be, is ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.connection import Connection


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a client may take.

    Attributes:
        head: To send address and headers, from the first byte, or from connecting.
        body: To send the body, from the end of the head.
        answer: To take the answer, from where it does not fit the system's buffers any more.
        idle: To send the next request.
    """

    head: float
    body: float
    answer: float
    idle: float


class Crowd:
    """The connections of a process.

    Attributes:
        patience: With each of them.
    """

    def __init__(self, most: int, patience: Patience) -> None:
        """Allow `most` connections at once."""
        self.patience = patience
        self._most = most
        self._all: set[Connection] = set()
        # In the order in which they came; some of them may have sent a whole request since.
        self._newcomers: dict[Connection, None] = {}

    def enter(self, connection: Connection) -> None:
        """Take in a new connection, and end another one if there are too many."""
        if len(self._all) >= self._most:
            superfluous = self._find_superfluous()
            if superfluous is None:
                # All have sent a request and wait for the answer.
                connection.turn_away()
            else:
                superfluous.abort()
                self.leave(superfluous)
        self._all.add(connection)
        self._newcomers[connection] = None

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self._all.discard(connection)
        self._newcomers.pop(connection, None)

    def look_around(self, now: float) -> None:
        """End every connection that has taken too long.

        Args:
            now: The event loop's time.
        """
        for connection in tuple(self._all):
            connection.hurry(now)

    def _find_superfluous(self) -> Connection | None:
        """The connection that has been there longest without a whole request, else any that is idle."""
        while self._newcomers:
            oldest = next(iter(self._newcomers))
            del self._newcomers[oldest]
            if oldest.has_sent_nothing:
                return oldest
        return next((one for one in self._all if one.owes_a_request), None)
