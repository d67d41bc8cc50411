"""`/movies`, `/users` and `/ratings`: what there is to ask about."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from app.api import discovery_examples as examples
from app.api.dependencies import MoviesQueryDep, RatingsQueryDep, RegistryDep, UsersQueryDep, WorkerDep
from app.api.operations import answers, query_parameters
from app.contract.errors import InvalidRequest, UnknownModel
from app.contract.schemas.discovery import MoviesQuery, RatingsQuery, UsersQuery
from app.contract.schemas.recommendations import FoundMovie, GivenRatingList, MovieList, UserList
from app.http.json_response import JSONAnswer
from app.services.users import find_users, given_by

router = APIRouter(tags=["movies and users"])


@router.get(
    "/movies",
    summary="Find movies by title",
    response_model=MovieList,
    responses=answers(examples.MOVIE_LIST, InvalidRequest),
    openapi_extra=query_parameters(MoviesQuery, examples.MOVIES_QUERY),
)
async def get_movies(query: MoviesQueryDep, registry: RegistryDep, worker: WorkerDep) -> Response:
    """Movies whose title (or id) holds every word of `q`; all, the most rated first, without a `q`."""

    def work() -> bytes:
        found = registry.catalogue.search(query.q, query.limit)
        return orjson.dumps(
            MovieList([FoundMovie(entry.movie_id, entry.title, entry.genres) for entry in found])
        )

    # A search looks at every title: what would be a large body elsewhere is a large catalogue here.
    return JSONAnswer(await worker.run(len(registry.catalogue), work))


@router.get(
    "/users",
    summary="Find users by id",
    response_model=UserList,
    responses=answers(examples.USER_LIST, InvalidRequest, UnknownModel),
    openapi_extra=query_parameters(UsersQuery, examples.USERS_QUERY),
)
async def get_users(query: UsersQueryDep, registry: RegistryDep, worker: WorkerDep) -> Response:
    """Users with training ratings whose id begins with `q`, by falling number of ratings or at random."""

    def work() -> bytes:
        return orjson.dumps(find_users(registry, query))

    return JSONAnswer(await worker.run(registry.get(query.model).scorer.users.warm, work))


@router.get(
    "/ratings",
    summary="What a user really gave",
    response_model=GivenRatingList,
    responses=answers(examples.GIVEN_RATING_LIST, InvalidRequest, UnknownModel),
    openapi_extra=query_parameters(RatingsQuery, examples.RATINGS_QUERY),
)
async def get_ratings(query: RatingsQueryDep, registry: RegistryDep) -> Response:
    """Ratings in the model's data set, the highest first, where its artefact carries them."""
    return JSONAnswer(given_by(registry, query))
