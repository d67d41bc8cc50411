"""Errors as HTTP responses (RFC 9457)."""

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
    """One error in a request."""

    loc: Annotated[list[str | int], Field(description="location: field names and list positions")]
    msg: Annotated[str, Field(description="what is wrong; never repeats the input")]


class Problem(BaseModel):
    """A problem document. The first five fields are always present, the others only with certain codes."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="URI of the kind of problem; ends with the code")]
    title: Annotated[str, Field(description="name of the kind of problem")]
    status: Annotated[int, Field(description="HTTP status")]
    detail: Annotated[str, Field(description="description of this occurrence in one sentence")]
    code: Annotated[str, Field(description="kind of problem, for programs")]
    user_id: Annotated[str, Field(description="the user that has no training rating, shortened")] = ""
    movie_id: Annotated[str, Field(description="the movie that has no training rating, shortened")] = ""
    models: Annotated[list[str], Field(description="names of the available or the missing models")] = []
    errors: Annotated[list[ErrorPlace], Field(description="errors and their locations, at most 10")] = []
    positions: Annotated[list[int], Field(description="the first 100 positions of cold pairs or ids")] = []
    total: Annotated[int, Field(description="number of cold pairs or ids")] = 0
    limit: Annotated[int, Field(description="the limit that was exceeded")] = 0


def problem_fields(kind: Kind, detail: str) -> dict[str, Any]:
    """Return the fields that every problem document has."""
    return {
        "type": f"urn:ratings:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": kind.code,
    }


def problem(error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response for an error; it always has less than 10 KB."""
    # The message of a `StartError` is for the operator, not for callers.
    body = problem_fields(error.kind, error.detail if isinstance(error, StartError) else str(error))
    content = orjson.dumps({**body, **error.fields})
    if len(content) >= MAX_BYTES:
        content = orjson.dumps(body)
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.kind.status == 503 else {}
    return Response(content, error.kind.status, {**(headers or {}), **retry}, MEDIA_TYPE)
