"""What is told to a request that no route ever sees whole, or at all."""

from __future__ import annotations

from typing import Final

from starlette.types import Receive, Scope, Send

from app.contract.problems import kind_of, problem

# In a request's state: the error that it ends with. Whoever waits for the body is woken, and raises it.
REFUSAL: Final = "refusal"


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with the error in its state."""
    error = scope["state"][REFUSAL]
    await problem(kind_of(type(error)), str(error))(scope, receive, send)
