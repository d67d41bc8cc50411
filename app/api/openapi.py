"""What the OpenAPI document says beyond what FastAPI takes from the handlers: problems, and limits."""

from __future__ import annotations

from typing import Any, Final

import orjson
from pydantic.json_schema import models_json_schema

from app.contract.errors import BodyTooLarge, InvalidRequest, UnreadableBody, WrongContentType
from app.contract.limits import Limits
from app.contract.problems import MEDIA_TYPE, Kind, Problem, kind_of, problem

BODY_ERRORS: Final = (UnreadableBody, BodyTooLarge, WrongContentType, InvalidRequest)
_REF_TEMPLATE: Final = "#/components/schemas/{model}"


def problems(*errors: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a call that may end in `errors`, by status."""
    kinds: dict[int, list[Kind]] = {}
    for kind in map(kind_of, errors):
        kinds.setdefault(kind.status, []).append(kind)
    return {
        status: {
            "description": "; ".join(f"{kind.title} (`{kind.code}`)" for kind in same_status),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": _REF_TEMPLATE.format(model=Problem.__name__)},
                    "examples": {kind.code: {"value": _example(kind)} for kind in same_status},
                }
            },
        }
        for status, same_status in sorted(kinds.items())
    }


def complete_document(document: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """FastAPI's document with the schema of problems, and with the maximum of `n` from the settings."""
    schemas = document["components"]["schemas"]
    _, definitions = models_json_schema([(Problem, "validation")], ref_template=_REF_TEMPLATE)
    schemas.update(definitions["$defs"])
    parameters = document["paths"]["/recommend"]["get"]["parameters"]
    counts = [parameter["schema"] for parameter in parameters if parameter["name"] == "n"]
    counts += [schemas[name]["properties"]["n"] for name in ("RecommendRequest", "NewUserRequest")]
    for count in counts:
        count["maximum"] = limits.max_items
    return document


def _example(kind: Kind) -> dict[str, Any]:
    example: dict[str, Any] = orjson.loads(problem(kind, kind.title.lower()).body)
    return example
