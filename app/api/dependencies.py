"""Dependencies of the route handlers. All are coroutines: FastAPI would run a plain function in a thread."""

from __future__ import annotations

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from app.contract.limits import Limits
from app.http.request_body import read_body
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


def get_state(request: Request) -> State:
    """Return the state of the application with its type."""
    return cast("State", request.state)


async def get_live_models(request: Request) -> LiveModels:
    """Return the holder of the loaded models, which reloads them."""
    return get_state(request)["live"]


async def get_registry(request: Request) -> Registry:
    """Return the loaded models, which stay the same for the whole request."""
    return get_state(request)["live"].registry


async def get_limits(request: Request) -> Limits:
    """Return the limits of a request."""
    return get_state(request)["limits"]


async def get_thread_pool(request: Request) -> ThreadPool:
    """Return the thread pool for large requests."""
    return get_state(request)["thread_pool"]


async def get_fold_in(request: Request) -> FoldIn:
    """Return the solver that fits new users."""
    return get_state(request)["fold_in"]


async def get_page(request: Request) -> Page:
    """Return the files of the web page."""
    return get_state(request)["page"]


async def get_exporter(request: Request) -> Exporter:
    """Return the exporter of metrics."""
    return get_state(request)["exporter"]


LiveModelsDep = Annotated[LiveModels, Depends(get_live_models)]
RegistryDep = Annotated[Registry, Depends(get_registry)]
LimitsDep = Annotated[Limits, Depends(get_limits)]
ThreadPoolDep = Annotated[ThreadPool, Depends(get_thread_pool)]
FoldInDep = Annotated[FoldIn, Depends(get_fold_in)]
PageDep = Annotated[Page, Depends(get_page)]
ExporterDep = Annotated[Exporter, Depends(get_exporter)]


async def get_body(request: Request, limits: LimitsDep) -> bytes:
    """Return the bytes of a body that is not JSON."""
    return await read_body(request, limits.max_body_bytes)


BodyDep = Annotated[bytes, Depends(get_body)]
