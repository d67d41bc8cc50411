"""Exception handlers that return errors as problem documents (RFC 9457)."""

from __future__ import annotations

from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from app.contract.errors import (
    MAX_ERRORS,
    InvalidRequest,
    MethodNotAllowed,
    ModelUnusable,
    RouteNotFound,
    ServiceError,
)
from app.contract.problems import problem
from training.artefact import ArtefactError

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# These replace messages of pydantic that name its own classes.
_MESSAGES: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


# All handlers are coroutines: Starlette would run a plain function in a thread.
async def handle_service_error(_request: Request, error: Exception) -> Response:
    """Return the problem of an error of the service."""
    return problem(cast("ServiceError", error))


async def handle_artefact_error(_request: Request, _error: Exception) -> Response:
    """Return the problem of an artefact that can no longer be read."""
    return problem(ModelUnusable())


async def handle_validation_error(_request: Request, error: Exception) -> Response:
    """Return the problem of a query or a body that FastAPI found invalid."""
    found = cast("RequestValidationError", error).errors()[:MAX_ERRORS]
    # The first part of a location is `query`, `path` or `body`, which is clear from the request.
    return problem(InvalidRequest([(one["loc"][1:], _message(one)) for one in found]))


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Return the problem of a request that the router refused: unknown path or unsupported method."""
    match cast("HTTPException", error).status_code:
        case 404:
            return problem(RouteNotFound())
        case 405:
            return problem(MethodNotAllowed(), {"Allow": ", ".join(_allowed_methods(request))})
    return problem(ServiceError())


async def handle_unexpected_error(_request: Request, _error: Exception) -> Response:
    """Return a problem without details of an unexpected error; the server logs them."""
    return problem(ServiceError())


def add_error_handlers(app: FastAPI) -> None:
    """Register the handlers, so that `app` answers every error with a problem document."""
    app.add_exception_handler(ServiceError, handle_service_error)
    app.add_exception_handler(ArtefactError, handle_artefact_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_exception)
    app.add_exception_handler(Exception, handle_unexpected_error)


def _message(error: dict[str, Any]) -> str:
    """Return the message of pydantic, in a form that follows the name of the field."""
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return _MESSAGES.get(error["type"], message[:1].lower() + message[1:])


def _allowed_methods(request: Request) -> list[str]:
    # Starlette lists only the methods of the first route with this path.
    routes, scope = request.app.routes, dict(request.scope)
    allowed = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ["GET", "HEAD", *(m for m in allowed if m not in ("GET", "HEAD"))] if "GET" in allowed else allowed
