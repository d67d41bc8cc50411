"""Additions to the OpenAPI document that FastAPI generates: problem documents and limits."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.contract.errors import BodyTooLarge, InvalidRequest, ServiceError, UnreadableBody, WrongContentType
from app.contract.limits import Limits
from app.contract.paths import INFERENCE
from app.contract.problems import (
    MEDIA_TYPE,
    InferenceError,
    Problem,
    inference_fields,
    inference_status,
    problem_fields,
)
from app.contract.schemas.inference import InferenceRequest

BODY_ERRORS: Final = (UnreadableBody, BodyTooLarge, WrongContentType, InvalidRequest)
_REF_TEMPLATE: Final = "#/components/schemas/{model}"


def problems(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may raise `errors`, by status."""
    by_status: dict[int, list[type[ServiceError]]] = {}
    for error in errors:
        by_status.setdefault(error.kind.status, []).append(error)
    return {status: _response(same_status) for status, same_status in sorted(by_status.items())}


def inference_problems(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route of the Open Inference Protocol that may raise `errors`, by status."""
    by_status: dict[int, list[type[ServiceError]]] = {}
    for error in errors:
        by_status.setdefault(inference_status(error), []).append(error)
    return {status: _inference_response(same_status) for status, same_status in sorted(by_status.items())}


def reference(model: type[BaseModel]) -> dict[str, str]:
    """Return a reference to the schema of `model`."""
    return {"$ref": _REF_TEMPLATE.format(model=model.__name__)}


def extend_openapi(app: FastAPI, limits: Limits) -> None:
    """Add the schema of problems and the maximum of `n` from the settings to the document of `app`."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _extend(build(), limits)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _extend(document: dict[str, Any], limits: Limits) -> None:
    schemas = document["components"]["schemas"]
    # FastAPI adds only the models of bodies that it parses itself.
    models = (Problem, InferenceError, InferenceRequest)
    _, definitions = models_json_schema([(one, "validation") for one in models], ref_template=_REF_TEMPLATE)
    schemas.update(definitions["$defs"])
    for path, operations in document["paths"].items():
        for operation in operations.values() if path.startswith(INFERENCE) else ():
            # FastAPI adds its own response for invalid parameters, which are 400 there.
            operation["responses"].pop("422", None)
    for own in ("HTTPValidationError", "ValidationError"):
        schemas.pop(own, None)
    parameters = document["paths"]["/recommend"]["get"]["parameters"]
    counts = [parameter["schema"] for parameter in parameters if parameter["name"] == "n"]
    counts += [schemas[name]["properties"]["n"] for name in ("RecommendRequest", "NewUserRequest")]
    for count in counts:
        count["maximum"] = limits.max_items


def _response(errors: Sequence[type[ServiceError]]) -> dict[str, Any]:
    examples = {error.kind.code: {"value": problem_fields(error.kind, _example(error))} for error in errors}
    return _described(errors, MEDIA_TYPE, Problem, examples)


def _inference_response(errors: Sequence[type[ServiceError]]) -> dict[str, Any]:
    examples = {error.kind.code: {"value": inference_fields(error.kind, _example(error))} for error in errors}
    return _described(errors, "application/json", InferenceError, examples)


def _example(error: type[ServiceError]) -> str:
    return error.detail or error.kind.title.lower()


def _described(
    errors: Sequence[type[ServiceError]], media_type: str, model: type[BaseModel], examples: dict[str, Any]
) -> dict[str, Any]:
    return {
        "description": "; ".join(f"{error.kind.title} (`{error.kind.code}`)" for error in errors),
        "content": {media_type: {"schema": reference(model), "examples": examples}},
    }
