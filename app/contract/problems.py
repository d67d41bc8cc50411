"""Errors as HTTP answers (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.contract.errors import Kind, ServiceError, StartError

MEDIA_TYPE: Final = "application/problem+json"
MAX_BYTES: Final = 10_000
RETRY_AFTER_SECONDS: Final = 5


class ErrorPlace(BaseModel):
    """One thing that is wrong with a request."""

    loc: Annotated[list[str | int], Field(description="where: field names and list positions")]
    msg: Annotated[str, Field(description="what is wrong; never repeats the input")]


class Problem(BaseModel):
    """What was wrong. Fields beside the first five are there where they mean something."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="a name for this kind of problem, ends in the code")]
    title: Annotated[str, Field(description="the kind of problem in words")]
    status: Annotated[int, Field(description="the HTTP status")]
    detail: Annotated[str, Field(description="this problem in a sentence")]
    code: Annotated[str, Field(description="the kind of problem for programs")]
    user_id: Annotated[str, Field(description="the user that has no training rating, shortened")] = ""
    movie_id: Annotated[str, Field(description="the movie that has no training rating, shortened")] = ""
    models: Annotated[list[str], Field(description="names of models: known ones, or missing ones")] = []
    errors: Annotated[list[ErrorPlace], Field(description="what is wrong where, at most 10")] = []
    positions: Annotated[list[int], Field(description="the first cold positions, at most 100")] = []
    total: Annotated[int, Field(description="how many cold positions there are")] = 0
    limit: Annotated[int, Field(description="the limit that was passed")] = 0


def problem_fields(kind: Kind, detail: str) -> dict[str, Any]:
    """The fields that every problem has."""
    return {
        "type": f"urn:ratings:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": kind.code,
    }


def problem(error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """An error as an answer, always below 10 KB."""
    # What keeps the service from starting is for the operator alone.
    body = problem_fields(error.kind, error.detail if isinstance(error, StartError) else str(error))
    content = orjson.dumps({**body, **error.fields})
    if len(content) >= MAX_BYTES:
        content = orjson.dumps(body)
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.kind.status == 503 else {}
    return Response(content, error.kind.status, {**(headers or {}), **retry}, MEDIA_TYPE)
