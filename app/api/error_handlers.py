"""The exception handler, which returns every error in the shape of the API that the request called."""

import logging
from typing import Any, Final

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
from app.contract.problems import error_response
from training.artefact import ArtefactError

logger = logging.getLogger(__name__)

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# These replace messages of pydantic that name its own classes.
_MESSAGES: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


# A coroutine, because Starlette would run a plain function in a thread.
async def handle_error(request: Request, error: Exception) -> Response:
    """Return the response for an error."""
    return error_response(request.scope, *_described(request, error))


def _described(request: Request, error: Exception) -> tuple[ServiceError, dict[str, str]]:
    """Return the error to respond with, and the headers of the response."""
    match error:
        case ServiceError():
            return error, {}
        case ArtefactError():
            logger.error("a model can no longer be read: %s", error)
            return ModelUnusable(), {}
        case RequestValidationError():
            found = error.errors()[:MAX_ERRORS]
            # The first part of a location is `query`, `path` or `body`, which is clear from the request.
            return InvalidRequest([(one["loc"][1:], _message(one)) for one in found]), {}
        case HTTPException(status_code=404):
            return RouteNotFound(), {}
        case HTTPException(status_code=405):
            return MethodNotAllowed(), {"Allow": ", ".join(_allowed_methods(request))}
        case HTTPException():
            # The server logs all other unexpected errors.
            logger.error("unexpected error of the framework", exc_info=error)
    return ServiceError(), {}


# With these, the application handles every error.
ERROR_HANDLERS: Final[dict[int | type[Exception], Any]] = dict.fromkeys(
    (ServiceError, ArtefactError, RequestValidationError, HTTPException, Exception), handle_error
)


def _message(error: dict[str, Any]) -> str:
    """Return the message of pydantic, in a form that follows the name of the field."""
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return _MESSAGES.get(error["type"], message[:1].lower() + message[1:])


def _allowed_methods(request: Request) -> list[str]:
    # Starlette lists only the methods of the first route with this path.
    def is_allowed(method: str) -> bool:
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return list(filter(is_allowed, _METHODS))
