"""`/recommend`."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.api import discovery_examples as examples
from app.api.dependencies import BodyDep, LimitsDep, RecommendQueryDep, RegistryDep, WorkerDep
from app.api.operations import BODY_ERRORS, answers, json_body, query_parameters
from app.contract.errors import InvalidRequest, TooManyPairs, UnknownModel, UnknownUser
from app.contract.schemas.discovery import RecommendQuery, RecommendRequest
from app.contract.schemas.recommendations import Recommendation
from app.http.json_response import JSONAnswer
from app.http.request_body import parse_body, refuse_query
from app.services.recommend import recommend

router = APIRouter(tags=["recommend"])


@router.get(
    "/recommend",
    summary="A user's best movies, asked for in the address",
    response_model=Recommendation,
    responses=answers(examples.RECOMMENDATION, InvalidRequest, UnknownUser, UnknownModel),
    openapi_extra=query_parameters(RecommendQuery, examples.RECOMMEND_QUERY),
)
async def get_recommend(query: RecommendQueryDep, registry: RegistryDep) -> Response:
    """The same as the POST form, which can also leave movies out by name."""
    return JSONAnswer(recommend(registry, query.as_request()))


@router.post(
    "/recommend",
    summary="A user's best movies",
    response_model=Recommendation,
    responses=answers(examples.RECOMMENDATION, *BODY_ERRORS, TooManyPairs, UnknownUser, UnknownModel),
    openapi_extra=json_body(RecommendRequest, examples.RECOMMEND_REQUEST),
    dependencies=[Depends(refuse_query)],
)
async def post_recommend(
    body: BodyDep, registry: RegistryDep, limits: LimitsDep, worker: WorkerDep
) -> Response:
    """The `n` movies with the highest predicted ratings, of all that have training ratings."""

    def work() -> bytes:
        return orjson.dumps(recommend(registry, parse_body(RecommendRequest, body, limits)))

    return JSONAnswer(await worker.run(len(body), work))
