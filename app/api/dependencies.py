"""What handlers are given. All are coroutines: a plain function would wait for a worker thread."""

from __future__ import annotations

from typing import Annotated, TypedDict

from fastapi import Depends, Request
from starlette.types import ASGIApp

from app.contract.limits import Limits
from app.contract.schemas.discovery import MoviesQuery, RatingsQuery, RecommendQuery, UsersQuery
from app.contract.schemas.requests import CompareQuery, PredictRequest
from app.http.request_body import parse_query, read_body
from app.http.thread_pool import Worker
from app.observability.metrics.exporter import Telling
from app.scoring.registry import Registry
from app.services.fold_in import FoldIn
from app.services.reload import LiveModels
from app.web.page import Page


class State(TypedDict):
    """What lives as long as the application does."""

    live: LiveModels
    limits: Limits
    worker: Worker
    fold_in: FoldIn
    page: Page
    telling: Telling
    refusing: ASGIApp


async def get_live_models(request: Request) -> LiveModels:
    """What holds the loaded models, and reads them anew."""
    live: LiveModels = request.state.live
    return live


async def get_registry(request: Request) -> Registry:
    """The loaded models, the same ones for all of the request."""
    live: LiveModels = request.state.live
    return live.registry


async def get_limits(request: Request) -> Limits:
    """How much a request may hold."""
    limits: Limits = request.state.limits
    return limits


async def get_worker(request: Request) -> Worker:
    """Where requests are worked on."""
    worker: Worker = request.state.worker
    return worker


async def get_fold_in(request: Request) -> FoldIn:
    """What fits new users."""
    fold_in: FoldIn = request.state.fold_in
    return fold_in


async def get_page(request: Request) -> Page:
    """The page's files."""
    page: Page = request.state.page
    return page


async def get_telling(request: Request) -> Telling:
    """What tells the metrics."""
    telling: Telling = request.state.telling
    return telling


LiveModelsDep = Annotated[LiveModels, Depends(get_live_models)]
RegistryDep = Annotated[Registry, Depends(get_registry)]
LimitsDep = Annotated[Limits, Depends(get_limits)]
WorkerDep = Annotated[Worker, Depends(get_worker)]
FoldInDep = Annotated[FoldIn, Depends(get_fold_in)]
PageDep = Annotated[Page, Depends(get_page)]
TellingDep = Annotated[Telling, Depends(get_telling)]


async def get_body(request: Request, limits: LimitsDep) -> bytes:
    """The bytes of a JSON body."""
    return await read_body(request, limits)


async def get_predict_query(request: Request, limits: LimitsDep) -> PredictRequest:
    """The query string of `GET /predict`."""
    return parse_query(PredictRequest, request, limits)


async def get_compare_query(request: Request, limits: LimitsDep) -> CompareQuery:
    """The query string of `GET /compare`."""
    return parse_query(CompareQuery, request, limits)


async def get_movies_query(request: Request, limits: LimitsDep) -> MoviesQuery:
    """The query string of `GET /movies`."""
    return parse_query(MoviesQuery, request, limits)


async def get_users_query(request: Request, limits: LimitsDep) -> UsersQuery:
    """The query string of `GET /users`."""
    return parse_query(UsersQuery, request, limits)


async def get_ratings_query(request: Request, limits: LimitsDep) -> RatingsQuery:
    """The query string of `GET /ratings`."""
    return parse_query(RatingsQuery, request, limits)


async def get_recommend_query(request: Request, limits: LimitsDep) -> RecommendQuery:
    """The query string of `GET /recommend`."""
    return parse_query(RecommendQuery, request, limits)


BodyDep = Annotated[bytes, Depends(get_body)]
PredictQueryDep = Annotated[PredictRequest, Depends(get_predict_query)]
CompareQueryDep = Annotated[CompareQuery, Depends(get_compare_query)]
MoviesQueryDep = Annotated[MoviesQuery, Depends(get_movies_query)]
UsersQueryDep = Annotated[UsersQuery, Depends(get_users_query)]
RatingsQueryDep = Annotated[RatingsQuery, Depends(get_ratings_query)]
RecommendQueryDep = Annotated[RecommendQuery, Depends(get_recommend_query)]
