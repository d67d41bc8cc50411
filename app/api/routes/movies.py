"""`/movies`, `/users` and `/ratings`: search for ids, and look up given ratings."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import RegistryDep, StateDep
from app.api.openapi import problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, UnknownModel
from app.contract.schemas.requests import MoviesQuery, RatingsQuery, UsersQuery
from app.contract.schemas.responses import GivenRatingList, MovieList, UserList
from app.http.json_response import JSONResponse
from app.services.users import find_users, given_by

router = APIRouter(tags=["movies and users"], route_class=StrictRoute)

# A search of this many titles or users takes a few milliseconds.
SMALL_SEARCH: Final = 16_384


@router.get(
    "/movies",
    summary="Find movies by title",
    response_model=MovieList,
    responses=problems(InvalidRequest, UnknownModel),
)
async def get_movies(
    query: Annotated[MoviesQuery, Query()], registry: RegistryDep, state: StateDep
) -> Response:
    """Return movies whose title or id contains every word of `q`; without `q` all, most rated first.

    With `model`, only movies of that model's data set are returned.
    """
    catalogue = registry.catalogue(query.model)
    return await state["thread_pool"].run(
        lambda: JSONResponse(MovieList(catalogue.search(query.q, query.limit))),
        in_thread=len(catalogue) > SMALL_SEARCH,
    )


@router.get(
    "/users",
    summary="Find users by id",
    response_model=UserList,
    responses=problems(InvalidRequest, UnknownModel),
)
async def get_users(
    query: Annotated[UsersQuery, Query()], registry: RegistryDep, state: StateDep
) -> Response:
    """Return users with training ratings whose id begins with `q`, most ratings first or at random."""
    return await state["thread_pool"].run(
        lambda: JSONResponse(find_users(registry, query)),
        in_thread=registry.get(query.model).scorer.users.warm > SMALL_SEARCH,
    )


@router.get("/ratings", summary="Ratings given by a user", responses=problems(InvalidRequest, UnknownModel))
async def get_ratings(query: Annotated[RatingsQuery, Query()], registry: RegistryDep) -> GivenRatingList:
    """Return the ratings of a user in the data set, highest first, if the model's artefact has them."""
    return given_by(registry, query)
