"""`/predict/new-user`."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.api import discovery_examples as examples
from app.api.dependencies import BodyDep, FoldInDep, LimitsDep, RegistryDep, WorkerDep
from app.api.operations import BODY_ERRORS, answers, json_body
from app.contract.errors import NoFoldIn, TooManyPairs, UnknownModel, UnknownMovie
from app.contract.schemas.discovery import NewUserRequest
from app.contract.schemas.recommendations import NewUserPrediction
from app.http.json_response import JSONAnswer
from app.http.request_body import parse_body, refuse_query
from app.services.new_user import predict_for_new_user

router = APIRouter(tags=["predict"])


@router.post(
    "/predict/new-user",
    summary="Ratings for somebody new",
    response_model=NewUserPrediction,
    responses=answers(
        examples.NEW_USER_PREDICTION, *BODY_ERRORS, TooManyPairs, UnknownMovie, UnknownModel, NoFoldIn
    ),
    openapi_extra=json_body(NewUserRequest, examples.NEW_USER_REQUEST),
    dependencies=[Depends(refuse_query)],
)
async def post_new_user(
    body: BodyDep, registry: RegistryDep, limits: LimitsDep, worker: WorkerDep, fold_in: FoldInDep
) -> Response:
    """Fits a user's embedding to the ratings given, keeps the movies' as they are, and keeps nothing."""

    def work() -> bytes:
        return orjson.dumps(predict_for_new_user(registry, fold_in, parse_body(NewUserRequest, body, limits)))

    return JSONAnswer(await worker.run(len(body), work))
