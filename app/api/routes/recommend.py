"""`/recommend`: the movies with the highest predicted ratings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import RegistryDep, ThreadPoolDep
from app.api.openapi import BODY_ERRORS, problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, TooManyPairs, UnknownModel, UnknownUser
from app.contract.schemas.requests import RecommendQuery, RecommendRequest
from app.contract.schemas.responses import Recommendation
from app.http.json_response import JSONResponse
from app.http.thread_pool import SMALL_BATCH
from app.services.recommend import recommend

router = APIRouter(tags=["recommend"], route_class=StrictRoute)


@router.get(
    "/recommend",
    summary="Recommend movies (query string)",
    responses=problems(InvalidRequest, UnknownUser, UnknownModel),
)
async def get_recommend(query: Annotated[RecommendQuery, Query()], registry: RegistryDep) -> Recommendation:
    """The same as the POST request, which can also exclude movies by id."""
    return recommend(registry, query)


@router.post(
    "/recommend",
    summary="Recommend movies",
    response_model=Recommendation,
    responses=problems(*BODY_ERRORS, TooManyPairs, UnknownUser, UnknownModel),
)
async def post_recommend(
    request: RecommendRequest, registry: RegistryDep, thread_pool: ThreadPoolDep
) -> Response:
    """Return the `n` movies with the highest predicted ratings, of all that have training ratings."""
    return await thread_pool.run(
        lambda: JSONResponse(recommend(registry, request, request.exclude)),
        in_thread=len(request.exclude) > SMALL_BATCH,
    )
