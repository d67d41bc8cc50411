"""The handlers that turn errors into problems (RFC 9457)."""

from __future__ import annotations

from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from app.contract.errors import MAX_ERRORS, InvalidRequest, RequestError, ServiceError
from app.contract.problems import INTERNAL_ERROR, METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND, Kind, kind_of, problem
from training.artefact import ArtefactError

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# In place of pydantic's messages, which name its own classes.
_MESSAGES: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this call",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


# Handlers are coroutines: Starlette would run a plain function in a thread.
async def handle_known_error(_request: Request, error: Exception) -> Response:
    """Answer an error of ours."""
    kind = kind_of(type(error))
    fields = error.fields if isinstance(error, RequestError) else {}
    return problem(kind, str(error), fields)


async def handle_validation_error(request: Request, error: Exception) -> Response:
    """Answer what FastAPI finds wrong with query parameters or a body."""
    found = cast("RequestValidationError", error).errors()[:MAX_ERRORS]
    # The first part of a location says whether it is one of the query string or of the body.
    places = [(one["loc"][1:], _message(one)) for one in found]
    return await handle_known_error(request, InvalidRequest(places))


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
    """Have `app` answer every error with a problem."""
    for error_class in (ServiceError, ArtefactError):
        app.add_exception_handler(error_class, handle_known_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_exception)
    app.add_exception_handler(Exception, handle_unforeseen)


def _message(error: dict[str, Any]) -> str:
    """Pydantic's message as the rest of a sentence that begins with the field's name."""
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return _MESSAGES.get(error["type"], message[:1].lower() + message[1:])


def _allowed_methods(request: Request) -> list[str]:
    # The framework names only those of the first route with this address.
    routes, scope = request.app.routes, dict(request.scope)
    allowed = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ["GET", "HEAD", *(m for m in allowed if m not in ("GET", "HEAD"))] if "GET" in allowed else allowed
