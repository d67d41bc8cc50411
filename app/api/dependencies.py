"""What handlers depend on. All are coroutines: FastAPI would run a plain function in a thread."""

from __future__ import annotations

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from app.contract.limits import Limits
from app.http.request_body import read_body
from app.http.thread_pool import ThreadPool
from app.observability.metrics.exporter import Telling
from app.scoring.registry import Registry
from app.services.fold_in import FoldIn
from app.services.reload import LiveModels
from app.web.page import Page


class State(TypedDict):
    """What lives as long as the application does."""

    live: LiveModels
    limits: Limits
    thread_pool: ThreadPool
    fold_in: FoldIn
    page: Page
    telling: Telling


def get_state(request: Request) -> State:
    """The application's state, typed."""
    return cast("State", request.state)


async def get_live_models(request: Request) -> LiveModels:
    """The holder of the loaded models, which reloads them."""
    return get_state(request)["live"]


async def get_registry(request: Request) -> Registry:
    """The loaded models, the same ones for the whole request."""
    return get_state(request)["live"].registry


async def get_limits(request: Request) -> Limits:
    """The limits of a request."""
    return get_state(request)["limits"]


async def get_thread_pool(request: Request) -> ThreadPool:
    """The threads for large requests."""
    return get_state(request)["thread_pool"]


async def get_fold_in(request: Request) -> FoldIn:
    """What fits new users."""
    return get_state(request)["fold_in"]


async def get_page(request: Request) -> Page:
    """The page's files."""
    return get_state(request)["page"]


async def get_telling(request: Request) -> Telling:
    """The exporter of metrics."""
    return get_state(request)["telling"]


LiveModelsDep = Annotated[LiveModels, Depends(get_live_models)]
RegistryDep = Annotated[Registry, Depends(get_registry)]
LimitsDep = Annotated[Limits, Depends(get_limits)]
ThreadPoolDep = Annotated[ThreadPool, Depends(get_thread_pool)]
FoldInDep = Annotated[FoldIn, Depends(get_fold_in)]
PageDep = Annotated[Page, Depends(get_page)]
TellingDep = Annotated[Telling, Depends(get_telling)]


async def get_body(request: Request, limits: LimitsDep) -> bytes:
    """The bytes of a body that is not JSON."""
    return await read_body(request, limits.max_body_bytes)


BodyDep = Annotated[bytes, Depends(get_body)]
