"""`/models`."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.api import examples
from app.api.dependencies import RegistryDep
from app.api.operations import answers
from app.contract.errors import InvalidRequest, UnknownModel
from app.contract.schemas.models import ModelDescription, ModelList
from app.http.json_response import JSONAnswer
from app.http.request_body import refuse_query
from app.services.models import describe, list_models

router = APIRouter(tags=["models"], dependencies=[Depends(refuse_query)])


@router.get(
    "/models",
    summary="All models",
    response_model=ModelList,
    responses=answers(examples.MODEL_LIST, InvalidRequest),
)
async def get_models(registry: RegistryDep) -> Response:
    """What each model is, what it costs in memory, and how well it does."""
    return JSONAnswer(list_models(registry))


@router.get(
    "/models/{name}",
    summary="One model",
    response_model=ModelDescription,
    responses=answers(examples.MODEL, InvalidRequest, UnknownModel),
)
async def get_model(name: str, registry: RegistryDep) -> Response:
    """The same as its entry in the list."""
    return JSONAnswer(describe(registry, registry.get(name)))
