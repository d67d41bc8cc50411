"""Dependencies of the route handlers: objects of the application, the loaded models, and raw bodies.

All are coroutines, because FastAPI would run a plain function in a thread.
"""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from app.contract.limits import Limits
from app.http.request_body import check_tensor_type, read_body
from app.http.thread_pool import ThreadPool
from app.observability.metrics.exporter import Exporter
from app.scoring.registry import Registry
from app.services.fold_in import FoldIn
from app.services.reload import LiveModels
from app.web.page import Page


class State(TypedDict):
    """Objects that live as long as the application (lifespan state)."""

    live: LiveModels
    limits: Limits
    thread_pool: ThreadPool
    fold_in: FoldIn
    page: Page
    exporter: Exporter


async def get_state(request: Request) -> State:
    """Return the state of the application with its type."""
    return cast("State", request.state)


StateDep = Annotated[State, Depends(get_state)]


async def get_registry(state: StateDep) -> Registry:
    """Return the loaded models, which stay the same for the whole request even if they are reloaded."""
    return state["live"].registry


async def get_body(request: Request, state: StateDep) -> bytes:
    """Return the bytes of a body that is not JSON."""
    return await read_body(request, state["limits"].max_body_bytes)


async def get_tensors(request: Request, state: StateDep) -> bytes:
    """Return the bytes of a request of the Open Inference Protocol."""
    check_tensor_type(request.headers)
    return await read_body(request, state["limits"].max_body_bytes)


RegistryDep = Annotated[Registry, Depends(get_registry)]
BodyDep = Annotated[bytes, Depends(get_body)]
TensorsDep = Annotated[bytes, Depends(get_tensors)]
