"""`/recommend`: the movies that come first for a user."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import RegistryDep, State, StateDep
from app.api.openapi import BODY_ERRORS, problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, TooManyPairs, UnknownModel, UnknownUser
from app.contract.schemas.requests import RecommendQuery, RecommendRequest
from app.contract.schemas.responses import Recommendation
from app.http.json_response import JSONResponse
from app.http.thread_pool import SMALL_BATCH
from app.scoring.registry import Registry
from app.services.recommend import recommend
from training.artefact import RawId

router = APIRouter(tags=["recommend"], route_class=StrictRoute)

# Ranking this number of movies takes about 0.3 ms, and passing the request to a thread 0.1 ms. The time grows
# with the catalogue, to 10 ms for 100,000 movies.
SMALL_CATALOGUE: Final = 16_384
# The order by lower ends of intervals computes a distribution for every movie.
SMALL_CATALOGUE_OF_SURE: Final = 4_096


@router.get(
    "/recommend",
    summary="Recommend movies (query string)",
    response_model=Recommendation,
    responses=problems(InvalidRequest, UnknownUser, UnknownModel),
)
async def get_recommend(
    query: Annotated[RecommendQuery, Query()], registry: RegistryDep, state: StateDep
) -> Response:
    """The same as the POST request, which can also exclude movies by id."""
    return await _recommend(query, (), registry, state)


@router.post(
    "/recommend",
    summary="Recommend movies",
    response_model=Recommendation,
    responses=problems(*BODY_ERRORS, TooManyPairs, UnknownUser, UnknownModel),
)
async def post_recommend(request: RecommendRequest, registry: RegistryDep, state: StateDep) -> Response:
    """Return the `n` movies that come first in the order `rank_by`, of all that have training ratings."""
    return await _recommend(request, request.exclude, registry, state)


async def _recommend(
    query: RecommendQuery, exclude: Sequence[RawId], registry: Registry, state: State
) -> Response:
    movies = registry.get(query.model).scorer.movies.warm
    small = SMALL_CATALOGUE_OF_SURE if query.rank_by == "sure" else SMALL_CATALOGUE
    return await state["thread_pool"].run(
        lambda: JSONResponse(recommend(registry, query, exclude)),
        in_thread=movies > small or len(exclude) > SMALL_BATCH,
    )
