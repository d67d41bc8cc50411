"""`/compare`."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.api import examples
from app.api.dependencies import BodyDep, CompareQueryDep, LimitsDep, RegistryDep, WorkerDep
from app.api.operations import BODY_ERRORS, answers, json_body, query_parameters
from app.contract.errors import InvalidRequest, TooManyPairs, UnknownModel
from app.contract.schemas.comparisons import LabelledComparison, ModelComparison, PairComparison
from app.contract.schemas.requests import CompareQuery, CompareRequest
from app.http.json_response import JSONAnswer
from app.http.request_body import parse_body, refuse_query
from app.services.compare import compare_models, compare_on_pair, compare_on_pairs

router = APIRouter(tags=["compare"])


@router.get(
    "/compare",
    summary="Models side by side",
    response_model=PairComparison | ModelComparison,
    responses=answers(examples.PAIR_COMPARISON, InvalidRequest),
    openapi_extra=query_parameters(CompareQuery, examples.PAIR),
)
async def get_compare(query: CompareQueryDep, registry: RegistryDep) -> Response:
    """Figures beside the baseline's; with a pair, also each model's rating of it (cold sides by a mean)."""
    if query.user_id is None or query.movie_id is None:
        return JSONAnswer(compare_models(registry))
    return JSONAnswer(compare_on_pair(registry, query.user_id, query.movie_id))


@router.post(
    "/compare",
    summary="Models held against your own ratings",
    response_model=LabelledComparison,
    responses=answers(examples.LABELLED_COMPARISON, *BODY_ERRORS, TooManyPairs, UnknownModel),
    openapi_extra=json_body(CompareRequest, examples.COMPARE_REQUEST),
    dependencies=[Depends(refuse_query)],
)
async def post_compare(
    body: BodyDep, registry: RegistryDep, limits: LimitsDep, worker: WorkerDep
) -> Response:
    """Each pair rated by each model, and the models' errors over the pairs that come with a rating."""

    def work() -> bytes:
        return orjson.dumps(compare_on_pairs(registry, parse_body(CompareRequest, body, limits)))

    return JSONAnswer(await worker.run(len(body), work))
