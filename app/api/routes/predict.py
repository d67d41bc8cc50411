"""`/predict` and `/predict/batch`: predicted ratings of pairs."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import BodyDep, RegistryDep, StateDep
from app.api.openapi import BODY_ERRORS, problems
from app.api.strict_route import ArrowRoute, StrictRoute
from app.contract.errors import InvalidRequest, TooManyPairs, UnknownModel, UnknownMovie, UnknownUser
from app.contract.schemas.requests import BatchOptions, BatchRequest, PredictQuery, PredictRequest
from app.contract.schemas.responses import (
    BatchPrediction,
    Prediction,
    UncertainBatchPrediction,
    UncertainPrediction,
)
from app.http.arrow.reading import read_pairs
from app.http.arrow.writing import write_ratings
from app.http.json_response import JSONResponse
from app.http.request_body import ARROW_STREAM
from app.http.thread_pool import SMALL_BATCH, SMALL_BYTES
from app.services.predict import predict, predict_batch, predict_columns

router = APIRouter(tags=["predict"], route_class=StrictRoute)
# Must be included before `router`: it matches only requests with its own content type.
arrow_router = APIRouter(route_class=ArrowRoute, include_in_schema=False)

UNKNOWN: Final = (UnknownUser, UnknownMovie, UnknownModel)


@router.post("/predict", summary="Predict one rating", responses=problems(*BODY_ERRORS, *UNKNOWN))
async def post_predict(pair: PredictRequest, registry: RegistryDep) -> UncertainPrediction | Prediction:
    """Predict the rating that a user would give a movie; `on_unknown` selects how to treat a cold id."""
    return predict(registry, pair)


@router.get(
    "/predict",
    summary="Predict one rating (query string)",
    responses=problems(InvalidRequest, *UNKNOWN),
)
async def get_predict(
    pair: Annotated[PredictQuery, Query()], registry: RegistryDep
) -> UncertainPrediction | Prediction:
    """The same as the POST request; an id of digits is a whole number."""
    return predict(registry, pair)


@router.post(
    "/predict/batch",
    summary="Predict ratings of many pairs",
    response_model=UncertainBatchPrediction | BatchPrediction,
    responses=problems(*BODY_ERRORS, TooManyPairs, *UNKNOWN),
    # For `post_predict_arrow`, which is not in the document as an operation of its own.
    openapi_extra={
        "requestBody": {"content": {ARROW_STREAM: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def post_predict_batch(batch: BatchRequest, registry: RegistryDep, state: StateDep) -> Response:
    """Predict ratings in the order of the request. A cold id is an error for the whole batch by default.

    The body may also be an uncompressed Arrow stream with its content type (columns `user_id` and `movie_id`:
    utf8 or whole numbers), and the other fields in the query string. The response is then also a stream:
    `rating` float32, `known_user` and `known_movie` bool; with `interval` also `low` and `high` float32, with
    `distribution` also `stars`, a fixed-size list of float32 whose levels are in the column's metadata.
    """
    return await state["thread_pool"].run(
        lambda: JSONResponse(predict_batch(registry, batch)), in_thread=len(batch.user_ids) > SMALL_BATCH
    )


@arrow_router.post("/predict/batch")
async def post_predict_arrow(
    stream: BodyDep,
    options: Annotated[BatchOptions, Query()],
    registry: RegistryDep,
    state: StateDep,
) -> Response:
    """Predict ratings in the order of the request, as an Arrow stream."""

    def rate() -> Response:
        scored, spread = predict_columns(registry, read_pairs(stream, state["limits"]), options)
        return Response(write_ratings(scored, spread), media_type=ARROW_STREAM)

    return await state["thread_pool"].run(rate, in_thread=len(stream) > SMALL_BYTES)
