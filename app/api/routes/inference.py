"""`/v2`: the Open Inference Protocol, which clients such as `tritonclient` and KServe's SDK use."""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from pydantic import Field
from starlette.responses import Response

from app.api.dependencies import RegistryDep, StateDep, TensorsDep
from app.api.openapi import inference_problems, reference
from app.api.strict_route import StrictRoute
from app.contract.errors import (
    BodyTooLarge,
    InvalidRequest,
    NotReady,
    ServiceError,
    TooManyPairs,
    UnknownModel,
    UnknownMovie,
    UnknownUser,
    UnreadableBody,
    WrongContentType,
)
from app.contract.schemas.fields import NUMBER_FROM_TEXT, OptionalField
from app.contract.schemas.inference import (
    BINARY_TENSORS,
    INPUTS,
    OUTPUTS,
    InferenceRequest,
    InferenceResponse,
    Live,
    ModelMetadata,
    ModelReady,
    ServerMetadata,
    ServerReady,
)
from app.contract.schemas.requests import BatchOptions
from app.http.inference import JSON_LENGTH, read_inference, write_outputs
from app.http.request_body import OCTETS
from app.http.thread_pool import SMALL_BYTES
from app.services.predict import predict_columns

# Probes have no keys, and may have a query.
health_router = APIRouter(prefix="/v2/health", tags=["inference"], responses=inference_problems(ServiceError))
router = APIRouter(
    prefix="/v2",
    tags=["inference"],
    route_class=StrictRoute,
    responses=inference_problems(ServiceError, InvalidRequest),
)

_BINARY_SCHEMA: Final = {"schema": {"type": "string", "format": "binary"}}


@health_router.get("/live", summary="Liveness (Open Inference Protocol)")
async def get_live() -> Live:
    """Return 200 while the process is alive."""
    return Live(live=True)


@health_router.get(
    "/ready", summary="Readiness (Open Inference Protocol)", responses=inference_problems(NotReady)
)
async def get_ready(registry: RegistryDep) -> ServerReady:
    """Return 200 if every expected model is loaded and has rated a test pair, else 503."""
    registry.check_ready()
    return ServerReady(ready=True)


@router.get("", summary="Describe the server (Open Inference Protocol)")
async def get_server(request: Request) -> ServerMetadata:
    """Return the name and the version of the API, and the extensions of the protocol."""
    return ServerMetadata(request.app.title, request.app.version, [BINARY_TENSORS])


@router.get(
    "/models/{name}",
    summary="Describe the tensors of a model (Open Inference Protocol)",
    responses=inference_problems(UnknownModel),
)
async def get_model_metadata(name: str, registry: RegistryDep) -> ModelMetadata:
    """Return the tensors of a model. Ids may also be INT64."""
    return ModelMetadata(registry.get(name).name, "keras", INPUTS, OUTPUTS)


@router.get(
    "/models/{name}/ready",
    summary="Readiness of a model (Open Inference Protocol)",
    responses=inference_problems(UnknownModel),
)
async def get_model_ready(name: str, registry: RegistryDep) -> ModelReady:
    """Return 200 if the model is loaded, else 404."""
    return ModelReady(registry.get(name).name, ready=True)


@router.post(
    "/models/{name}/infer",
    summary="Predict ratings of pairs (Open Inference Protocol)",
    response_model=InferenceResponse,
    responses={
        200: {"content": {OCTETS: _BINARY_SCHEMA}},
        **inference_problems(
            *(UnreadableBody, InvalidRequest, UnknownUser, UnknownMovie, UnknownModel),
            *(BodyTooLarge, TooManyPairs, WrongContentType),
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": reference(InferenceRequest)},
                OCTETS: _BINARY_SCHEMA,
            },
        }
    },
)
async def post_infer(
    name: str,
    body: TensorsDep,
    registry: RegistryDep,
    state: StateDep,
    json_length: Annotated[
        OptionalField[Annotated[int, Field(strict=True, ge=0), NUMBER_FROM_TEXT]],
        Header(alias=JSON_LENGTH, description="bytes of the JSON, if binary tensors follow it"),
    ] = None,
) -> Response:
    """Predict ratings in the order of the request. A cold id is an error for the whole batch by default.

    The parameter `on_unknown` selects how to treat a cold id; `known_user` and `known_movie` flag it.
    """

    def infer() -> Response:
        inference = read_inference(body, json_length, state["limits"])
        options = BatchOptions(model=name, on_unknown=inference.request.parameters.on_unknown)
        scored, _spread = predict_columns(registry, [inference.pairs], options)
        return write_outputs(name, inference.request, scored)

    return await state["thread_pool"].run(infer, in_thread=len(body) > SMALL_BYTES)
