"""`/predict` and `/predict/batch`."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.api import examples
from app.api.dependencies import BodyDep, LimitsDep, PredictQueryDep, RegistryDep, WorkerDep
from app.api.operations import BODY_ERRORS, answers, json_body, query_parameters
from app.contract.errors import InvalidRequest, TooManyPairs, UnknownModel, UnknownMovie, UnknownUser
from app.contract.schemas.predictions import BatchPrediction, Prediction
from app.contract.schemas.requests import BatchOptions, BatchRequest, PredictRequest
from app.http.arrow import read_pairs, write_ratings
from app.http.json_response import JSONAnswer
from app.http.request_body import (
    ARROW_STREAM,
    is_arrow,
    parse_batch,
    parse_body,
    parse_query,
    read_body,
    read_bytes,
    refuse_query,
)
from app.services.predict import predict, predict_batch, predict_columns

router = APIRouter(tags=["predict"])


@router.post(
    "/predict",
    summary="Rate one pair",
    response_model=Prediction,
    responses=answers(examples.PREDICTION, *BODY_ERRORS, UnknownUser, UnknownMovie, UnknownModel),
    openapi_extra=json_body(PredictRequest, examples.PREDICT_REQUEST),
    dependencies=[Depends(refuse_query)],
)
async def post_predict(
    body: BodyDep, registry: RegistryDep, limits: LimitsDep, worker: WorkerDep
) -> Response:
    """How many stars would this user give this movie? `on_unknown` says what becomes of a cold id."""

    def work() -> bytes:
        return orjson.dumps(predict(registry, parse_body(PredictRequest, body, limits)))

    return JSONAnswer(await worker.run(len(body), work))


@router.get(
    "/predict",
    summary="Rate one pair, asked for in the address",
    response_model=Prediction,
    responses=answers(examples.PREDICTION, InvalidRequest, UnknownUser, UnknownMovie, UnknownModel),
    openapi_extra=query_parameters(PredictRequest, examples.PREDICT_REQUEST),
)
async def get_predict(query: PredictQueryDep, registry: RegistryDep) -> Response:
    """The same as the POST form; digits in the address mean a whole number."""
    return JSONAnswer(predict(registry, query))


@router.post(
    "/predict/batch",
    summary="Rate many pairs",
    response_model=BatchPrediction,
    responses=answers(
        examples.BATCH_PREDICTION, *BODY_ERRORS, TooManyPairs, UnknownUser, UnknownMovie, UnknownModel
    ),
    openapi_extra=json_body(BatchRequest, examples.BATCH_REQUEST, or_arrow=True),
)
async def post_predict_batch(
    request: Request, registry: RegistryDep, limits: LimitsDep, worker: WorkerDep
) -> Response:
    """Ratings in the order asked for. One cold id refuses the whole batch, unless a fallback is asked for.

    The columns may also be an Arrow stream (`user_id`, `movie_id`: utf8 or whole numbers; not compressed),
    by its content type, with `model` and `on_unknown` in the query string. The answer is a stream, too:
    `rating` float32, `known_user` and `known_movie` bool.
    """
    if is_arrow(request):
        options = parse_query(BatchOptions, request, limits)
        stream = await read_bytes(request, limits)

        def work_on_columns() -> bytes:
            scored = predict_columns(registry, read_pairs(stream, limits), options)
            return write_ratings(scored.ratings, scored.known_user, scored.known_movie)

        return Response(await worker.run(len(stream), work_on_columns), media_type=ARROW_STREAM)
    await refuse_query(request)
    body = await read_body(request, limits)

    def work() -> bytes:
        predicted = predict_batch(registry, parse_batch(body, limits))
        return orjson.dumps(predicted, option=orjson.OPT_SERIALIZE_NUMPY)

    return JSONAnswer(await worker.run(len(body), work))
