"""From errors to HTTP: the one table of statuses and codes, and the handlers that use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, cast

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from app.errors import (
    AdminOnly,
    BodyTooLarge,
    ColdPairs,
    HeadTooLarge,
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
    TooSlow,
    UnknownModel,
    UnknownMovie,
    UnknownUser,
    UnreadableBody,
    UnreadableRequest,
    WrongContentType,
)
from app.schemas.problem import MAX_BYTES, MEDIA_TYPE
from training.artefact import ArtefactError

RETRY_AFTER_SECONDS: Final = 5
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


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
        UnreadableRequest: Kind(400, "unreadable_request", "No HTTP request"),
        HeadTooLarge: Kind(431, "head_too_large", "The head is too large"),
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
        TooSlow: Kind(408, "too_slow", "The request took too long"),
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
    if kind.status == 408:
        # The rest of the request may still come, and is no request.
        headers["Connection"] = "close"
    return Response(content, kind.status, headers, MEDIA_TYPE)


# Handlers are coroutines: Starlette would run a plain function in a worker thread, and wait for one.
async def handle_known_error(_request: Request, error: Exception) -> Response:
    """Answer an error of ours."""
    kind = kind_of(type(error))
    fields = error.fields if isinstance(error, RequestError) else {}
    return problem(kind, str(error), fields)


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: an unknown address, a method that it does not take."""
    error = cast("HTTPException", error)
    if error.status_code == 404:
        return problem(ROUTE_NOT_FOUND, "")
    if error.status_code == 405:
        return problem(METHOD_NOT_ALLOWED, "", headers={"Allow": ", ".join(_allowed_methods(request))})
    if error.status_code >= 500:
        return problem(INTERNAL_ERROR, "")
    return problem(
        Kind(error.status_code, "refused", "Refused"), "the request was refused", headers=error.headers
    )


async def handle_unforeseen(_request: Request, _error: Exception) -> Response:
    """Say nothing of an error that nobody foresaw; the server logs it."""
    return problem(INTERNAL_ERROR, "")


def add_error_handlers(app: FastAPI) -> None:
    """Have `app` tell every error as a problem."""
    for error_class in (ServiceError, ArtefactError):
        app.add_exception_handler(error_class, handle_known_error)
    app.add_exception_handler(HTTPException, handle_http_exception)
    app.add_exception_handler(Exception, handle_unforeseen)


def _allowed_methods(request: Request) -> list[str]:
    # The framework names only those of the first route with this address.
    routes, scope = request.app.routes, dict(request.scope)
    allowed = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ["GET", "HEAD", *(m for m in allowed if m not in ("GET", "HEAD"))] if "GET" in allowed else allowed
