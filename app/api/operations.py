"""Pieces of a call's OpenAPI entry, made from the request models and from the table of problems."""

from __future__ import annotations

from typing import Any, Final

from app.api.examples import Example
from app.contract.errors import BodyTooLarge, InvalidRequest, UnreadableBody, WrongContentType
from app.contract.problems import MEDIA_TYPE, Kind, Problem, kind_of
from app.contract.schemas.discovery import NewUserRequest, RecommendRequest
from app.contract.schemas.requests import BatchRequest, CompareRequest, PredictRequest, RequestModel
from app.http.request_body import ARROW_STREAM

REF_TEMPLATE: Final = "#/components/schemas/{model}"
BODY_ERRORS: Final = (UnreadableBody, BodyTooLarge, WrongContentType, InvalidRequest)
# Models that no handler has in its signature, because bodies are read in `app.http.request_body`.
DOCUMENTED_MODELS: Final = (
    PredictRequest,
    BatchRequest,
    CompareRequest,
    RecommendRequest,
    NewUserRequest,
    Problem,
)


def json_body(model: type[RequestModel], example: Example, or_arrow: bool = False) -> dict[str, Any]:
    """The entry of a call that takes `model` as a JSON body, or else, where it can be, an Arrow stream."""
    schema = {"$ref": REF_TEMPLATE.format(model=model.__name__)}
    content: dict[str, Any] = {"application/json": {"schema": schema, "example": example}}
    if or_arrow:
        content[ARROW_STREAM] = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": content}}


def query_parameters(model: type[RequestModel], example: Example) -> dict[str, Any]:
    """The entry of a call that takes `model` as a query string."""
    schema = model.model_json_schema(ref_template=REF_TEMPLATE)
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "description": field.get("description", ""),
                "schema": {key: value for key, value in field.items() if key != "description"},
                "example": example[name],
            }
            for name, field in schema["properties"].items()
        ]
    }


def answers(example: Example, *errors: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """The answers of a call: what it says when all is well, and the problems that it knows."""
    return {200: {"content": {"application/json": {"example": example}}}, **problems(*errors, Exception)}


def problems(*errors: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """The answers for `errors`, by status."""
    kinds: dict[int, list[Kind]] = {}
    for kind in map(kind_of, errors):
        kinds.setdefault(kind.status, []).append(kind)
    return {
        status: {
            "description": "; ".join(f"{kind.title} (`{kind.code}`)" for kind in same_status),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": REF_TEMPLATE.format(model=Problem.__name__)},
                    "examples": {kind.code: {"value": _example(kind)} for kind in same_status},
                }
            },
        }
        for status, same_status in sorted(kinds.items())
    }


def _example(kind: Kind) -> Example:
    return {
        "type": f"urn:ratings:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail or kind.title.lower(),
        "code": kind.code,
    }
