"""`/compare`: the models compared with each other."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import RegistryDep, StateDep
from app.api.openapi import BODY_ERRORS, problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, TooManyPairs, UnknownModel
from app.contract.schemas.requests import CompareQuery, CompareRequest
from app.contract.schemas.responses import LabelledComparison, ModelComparison, PairComparison
from app.http.json_response import JSONResponse
from app.http.thread_pool import SMALL_BATCH
from app.services.compare import compare_models, compare_on_pair, compare_on_pairs

router = APIRouter(tags=["compare"], route_class=StrictRoute)


@router.get("/compare", summary="Compare models", responses=problems(InvalidRequest))
async def get_compare(
    query: Annotated[CompareQuery, Query()], registry: RegistryDep
) -> PairComparison | ModelComparison:
    """Compare the figures of all models with the baseline; for a pair, also each model's rating.

    A cold id is rated by a mean.
    """
    if query.user_id is None or query.movie_id is None:
        return compare_models(registry)
    return compare_on_pair(registry, query.user_id, query.movie_id, query)


@router.post(
    "/compare",
    summary="Compare models on your own ratings",
    response_model=LabelledComparison,
    responses=problems(*BODY_ERRORS, TooManyPairs, UnknownModel),
)
async def post_compare(request: CompareRequest, registry: RegistryDep, state: StateDep) -> Response:
    """Rate each pair with each model, and compute the errors over pairs that have an observed rating."""
    return await state["thread_pool"].run(
        lambda: JSONResponse(compare_on_pairs(registry, request)),
        in_thread=len(request.pairs) * len(registry.models) > SMALL_BATCH,
    )
