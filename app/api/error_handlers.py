"""The handlers that turn errors into problems (RFC 9457)."""

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
# In place of pydantic's messages, which name its own classes.
_MESSAGES: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this call",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


# Handlers are coroutines: Starlette would run a plain function in a thread.
async def handle_service_error(_request: Request, error: Exception) -> Response:
    """Answer an error of ours."""
    return problem(cast("ServiceError", error))


async def handle_artefact_error(_request: Request, _error: Exception) -> Response:
    """Answer an artefact that cannot be read any more."""
    return problem(ModelUnusable())


async def handle_validation_error(_request: Request, error: Exception) -> Response:
    """Answer what FastAPI finds wrong with query parameters or a body."""
    found = cast("RequestValidationError", error).errors()[:MAX_ERRORS]
    # The first part of a location says whether it is one of the query string or of the body.
    return problem(InvalidRequest([(one["loc"][1:], _message(one)) for one in found]))


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: an unknown address, a method that it does not take."""
    match cast("HTTPException", error).status_code:
        case 404:
            return problem(RouteNotFound())
        case 405:
            return problem(MethodNotAllowed(), {"Allow": ", ".join(_allowed_methods(request))})
    return problem(ServiceError())


async def handle_unexpected_error(_request: Request, _error: Exception) -> Response:
    """Say nothing of an error that nobody foresaw; the server logs it."""
    return problem(ServiceError())


def add_error_handlers(app: FastAPI) -> None:
    """Have `app` answer every error with a problem."""
    app.add_exception_handler(ServiceError, handle_service_error)
    app.add_exception_handler(ArtefactError, handle_artefact_error)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_exception)
    app.add_exception_handler(Exception, handle_unexpected_error)


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
