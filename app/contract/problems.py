"""Errors as HTTP responses: problem documents (RFC 9457), or the errors of the Open Inference Protocol."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Scope

from app.contract.errors import InvalidRequest, Kind, ServiceError, StartError
from app.contract.paths import is_inference

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


class InferenceError(BaseModel):
    """An error of the Open Inference Protocol."""

    error: Annotated[str, Field(description="code of the problem, a colon, and its description")]


def error_response(scope: Scope, error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response for an error, in the shape of the API that the request called.

    Args:
        scope: The request.
        error: The error.
        headers: Additional headers.
    """
    return inference_error(error, headers) if is_inference(scope) else problem(error, headers)


def problem(error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem document of an error; it always has less than 10 KB."""
    body = problem_fields(error.kind, _detail(error))
    content = orjson.dumps({**body, **error.fields})
    if len(content) >= MAX_BYTES:
        content = orjson.dumps(body)
    return Response(content, error.kind.status, _headers(error, headers), MEDIA_TYPE)


def inference_error(error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response for an error by the Open Inference Protocol."""
    content = orjson.dumps(inference_fields(error.kind, _detail(error)))
    return Response(content, inference_status(type(error)), _headers(error, headers), "application/json")


def inference_fields(kind: Kind, detail: str) -> dict[str, str]:
    """Return the fields of an error of the Open Inference Protocol."""
    return {"error": f"{kind.code}: {detail}"}


def inference_status(error: type[ServiceError]) -> int:
    """Return the status of an error in the Open Inference Protocol: 400 for every invalid request."""
    return 400 if issubclass(error, InvalidRequest) else error.kind.status


def _detail(error: ServiceError) -> str:
    # The message of a `StartError` is for the operator, not for callers.
    return error.detail if isinstance(error, StartError) else str(error)


def _headers(error: ServiceError, headers: Mapping[str, str] | None) -> dict[str, str]:
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.kind.status == 503 else {}
    return {**(headers or {}), **retry}
