"""`/predict` and `/predict/batch`."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.answering import JSONAnswer
from app.dependencies import BodyDep, LimitsDep, PredictQueryDep, RegistryDep, WorkerDep
from app.documentation import examples
from app.documentation.operations import BODY_ERRORS, answers, json_body, query_parameters
from app.errors import InvalidRequest, TooManyPairs, UnknownModel, UnknownMovie, UnknownUser
from app.predicting import predict, predict_batch
from app.reading import parse_body, refuse_query
from app.schemas.predictions import BatchPrediction, Prediction
from app.schemas.requests import BatchRequest, PredictRequest

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
    openapi_extra=json_body(BatchRequest, examples.BATCH_REQUEST),
    dependencies=[Depends(refuse_query)],
)
async def post_predict_batch(
    body: BodyDep, registry: RegistryDep, limits: LimitsDep, worker: WorkerDep
) -> Response:
    """Ratings in the order asked for. One cold id refuses the whole batch, unless a fallback is asked for."""

    def work() -> bytes:
        return orjson.dumps(predict_batch(registry, parse_body(BatchRequest, body, limits)))

    return JSONAnswer(await worker.run(len(body), work))
