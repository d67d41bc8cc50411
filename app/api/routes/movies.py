"""`/movies`, `/users` and `/ratings`: what there is to ask about."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import RegistryDep, ThreadPoolDep
from app.api.openapi import problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, UnknownModel
from app.contract.schemas.recommendations import FoundMovie, GivenRatingList, MovieList, UserList
from app.contract.schemas.requests import MoviesQuery, RatingsQuery, UsersQuery
from app.http.json_response import JSONResponse
from app.services.users import find_users, given_by

router = APIRouter(tags=["movies and users"], route_class=StrictRoute)

# Titles or users that a search goes through in a few milliseconds.
SMALL_SEARCH: Final = 16_384


@router.get(
    "/movies",
    summary="Find movies by title",
    response_model=MovieList,
    responses=problems(InvalidRequest),
)
async def get_movies(
    query: Annotated[MoviesQuery, Query()], registry: RegistryDep, thread_pool: ThreadPoolDep
) -> Response:
    """Movies whose title (or id) holds every word of `q`; all, the most rated first, without a `q`."""

    def search() -> Response:
        found = registry.catalogue.search(query.q, query.limit)
        return JSONResponse(
            MovieList([FoundMovie(entry.movie_id, entry.title, entry.genres) for entry in found])
        )

    return await thread_pool.run(search, in_thread=len(registry.catalogue) > SMALL_SEARCH)


@router.get(
    "/users",
    summary="Find users by id",
    response_model=UserList,
    responses=problems(InvalidRequest, UnknownModel),
)
async def get_users(
    query: Annotated[UsersQuery, Query()], registry: RegistryDep, thread_pool: ThreadPoolDep
) -> Response:
    """Users with training ratings whose id begins with `q`, by falling number of ratings or at random."""
    return await thread_pool.run(
        lambda: JSONResponse(find_users(registry, query)),
        in_thread=registry.get(query.model).scorer.users.warm > SMALL_SEARCH,
    )


@router.get("/ratings", summary="What a user really gave", responses=problems(InvalidRequest, UnknownModel))
async def get_ratings(query: Annotated[RatingsQuery, Query()], registry: RegistryDep) -> GivenRatingList:
    """Ratings in the model's data set, the highest first, where its artefact carries them."""
    return given_by(registry, query)
