"""The whole OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from app.api.operations import DOCUMENTED_MODELS, REF_TEMPLATE, problems
from app.contract.errors import AdminOnly, KeyMissing, KeyUnknown
from app.contract.limits import Limits
from app.http.api_keys import Keys
from app.http.auth import is_admin, is_open

_SCHEME: Final = "key"


def build_openapi(app: FastAPI, keys: Keys, limits: Limits) -> dict[str, Any]:
    """What FastAPI gathers, the body models, who may call, and for how much."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    _, definitions = models_json_schema(
        [(model, "validation") for model in DOCUMENTED_MODELS], ref_template=REF_TEMPLATE
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    # FastAPI's own error shape, which no call answers with.
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    _tell_limits(document, limits)
    if keys:
        _tell_keys(document, keys)
    return document


def _tell_limits(document: dict[str, Any], limits: Limits) -> None:
    """Add how many best movies an answer may name."""
    schemas = document["components"]["schemas"]
    counts = [schemas[name]["properties"]["n"] for name in ("RecommendRequest", "NewUserRequest")]
    parameters = document["paths"]["/recommend"]["get"]["parameters"]
    counts += [parameter["schema"] for parameter in parameters if parameter["name"] == "n"]
    for count in counts:
        count["maximum"] = limits.max_items


def _tell_keys(document: dict[str, Any], keys: Keys) -> None:
    """Add what sends a key, which calls ask for one, and what they say without."""
    document["components"]["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        admin = bool(keys.admin) and is_admin(path)
        if not admin and (not keys.reading or is_open(path)):
            continue
        for operation in operations.values():
            operation["security"] = [{_SCHEME: []}]
            refusals = problems(KeyMissing, KeyUnknown, *([AdminOnly] if admin else []))
            operation["responses"] |= {str(status): refusal for status, refusal in refusals.items()}
