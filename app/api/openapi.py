"""Additions to the OpenAPI document that FastAPI generates: problem documents and limits."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.contract.errors import BodyTooLarge, InvalidRequest, ServiceError, UnreadableBody, WrongContentType
from app.contract.limits import Limits
from app.contract.problems import MEDIA_TYPE, Problem, problem_fields

BODY_ERRORS: Final = (UnreadableBody, BodyTooLarge, WrongContentType, InvalidRequest)
_REF_TEMPLATE: Final = "#/components/schemas/{model}"


def problems(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may raise `errors`, by status."""
    by_status: dict[int, list[type[ServiceError]]] = {}
    for error in errors:
        by_status.setdefault(error.kind.status, []).append(error)
    return {status: _response(same_status) for status, same_status in sorted(by_status.items())}


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
    _, definitions = models_json_schema([(Problem, "validation")], ref_template=_REF_TEMPLATE)
    schemas.update(definitions["$defs"])
    parameters = document["paths"]["/recommend"]["get"]["parameters"]
    counts = [parameter["schema"] for parameter in parameters if parameter["name"] == "n"]
    counts += [schemas[name]["properties"]["n"] for name in ("RecommendRequest", "NewUserRequest")]
    for count in counts:
        count["maximum"] = limits.max_items


def _response(errors: Sequence[type[ServiceError]]) -> dict[str, Any]:
    examples = {
        error.kind.code: {"value": problem_fields(error.kind, error.detail or error.kind.title.lower())}
        for error in errors
    }
    return {
        "description": "; ".join(f"{error.kind.title} (`{error.kind.code}`)" for error in errors),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF_TEMPLATE.format(model=Problem.__name__)},
                "examples": examples,
            }
        },
    }
