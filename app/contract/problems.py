"""Every error as an HTTP answer (RFC 9457): the one shape, and the one table of statuses and codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.contract.errors import (
    AdminOnly,
    BodyTooLarge,
    ColdPairs,
    InvalidRequest,
    KeyMissing,
    KeyUnknown,
    NoFoldIn,
    NotReady,
    Overloaded,
    PreflightRefused,
    ReloadRefused,
    RequestError,
    ServiceError,
    StartError,
    Stopping,
    TooManyPairs,
    UnknownModel,
    UnknownMovie,
    UnknownUser,
    UnreadableBody,
    WrongContentType,
)
from training.artefact import ArtefactError

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


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem.

    Attributes:
        status: HTTP status.
        code: Name for programs.
        title: Name for people.
        detail: What is said in place of the error's own text, where that is not for callers.
    """

    status: int
    code: str
    title: str
    detail: str | None = None


ROUTE_NOT_FOUND: Final = Kind(404, "route_not_found", "No such address", "there is nothing at this address")
METHOD_NOT_ALLOWED: Final = Kind(
    405, "method_not_allowed", "Not this method", "this address does not take this method"
)
INTERNAL_ERROR: Final = Kind(
    500, "internal_error", "Something is wrong on our side", "the request could not be answered"
)
_NOT_SERVED: Final = "the service cannot answer"

KINDS: Final[Mapping[type[Exception], Kind]] = MappingProxyType(
    {
        PreflightRefused: Kind(400, "preflight_refused", "A page from elsewhere may not call so"),
        UnreadableBody: Kind(400, "unreadable_body", "The body cannot be read"),
        KeyMissing: Kind(401, "key_missing", "An API key is needed"),
        KeyUnknown: Kind(401, "key_unknown", "Not a key of this service"),
        AdminOnly: Kind(403, "admin_only", "An admin key is needed"),
        UnknownUser: Kind(404, "unknown_user", "The user has no training rating"),
        UnknownMovie: Kind(404, "unknown_movie", "The movie has no training rating"),
        ColdPairs: Kind(404, "unknown_user", "An id has no training rating"),
        UnknownModel: Kind(404, "unknown_model", "No such model"),
        BodyTooLarge: Kind(413, "body_too_large", "The body is too large"),
        TooManyPairs: Kind(413, "too_many_pairs", "Too many pairs in one call"),
        WrongContentType: Kind(415, "wrong_content_type", "The body is not plain JSON"),
        ReloadRefused: Kind(409, "reload_refused", "The store is not fit to be served"),
        InvalidRequest: Kind(422, "invalid_request", "The request is not what this call takes"),
        RequestError: Kind(422, "invalid_request", "The request is not what this call takes"),
        NoFoldIn: Kind(501, "no_fold_in", "The model cannot be fitted to a new user"),
        NotReady: Kind(503, "not_ready", "Not ready"),
        Overloaded: Kind(503, "overloaded", "Too much to do"),
        Stopping: Kind(503, "stopping", "Stopping"),
        ArtefactError: Kind(503, "model_unusable", "A model cannot be used", _NOT_SERVED),
        StartError: Kind(503, "not_started", "The service could not start", _NOT_SERVED),
        ServiceError: INTERNAL_ERROR,
    }
)


def kind_of(error_class: type[Exception]) -> Kind:
    """The kind that an error class is told as: its own, else that of its nearest base."""
    return next((KINDS[base] for base in error_class.__mro__ if base in KINDS), INTERNAL_ERROR)


def problem(
    kind: Kind, detail: str, fields: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as an answer, always below 10 KB."""
    body = {
        "type": f"urn:ratings:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail or detail,
        "code": kind.code,
    }
    content = orjson.dumps({**body, **(fields or {})})
    if len(content) >= MAX_BYTES:
        content = orjson.dumps(body)
    headers = dict(headers or {})
    if kind.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Response(content, kind.status, headers, MEDIA_TYPE)
