"""FastAPI routes that parse requests strictly: nothing is ignored, and nothing is ambiguous.

FastAPI itself uses the last of several query parameters with the same name, ignores undeclared ones, and
parses JSON as Python does, with NaN and duplicate keys. It also validates bodies on the event loop, where a
large one would delay all other requests.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from app.api.dependencies import State
from app.contract.errors import InvalidRequest
from app.contract.limits import LIMITS
from app.http.json_columns import parse_columns
from app.http.request_body import check_content_type, is_arrow, read_body
from app.http.strict_json import parse_json
from app.http.thread_pool import SMALL_BYTES

MAX_PARAMETERS: Final = 100


class ValidatedRequest(Request):
    """A request whose body was already read, parsed and validated."""

    def __init__(self, request: Request, content: bytes, model: object) -> None:
        super().__init__(request.scope, request.receive)
        self._content, self._model = content, model

    async def body(self) -> bytes:
        """Return the bytes of the body."""
        return self._content

    async def json(self) -> Any:
        """Return the validated model, which FastAPI accepts unchanged."""
        return self._model


class StrictRoute(APIRoute):
    """A route that refuses undeclared parameters, and applies the limits of the settings."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the handler of FastAPI, preceded by the checks."""
        handle = super().get_route_handler()
        takes_query = bool(self.dependant.query_params)
        body_field: Any = self.body_field

        async def handle_strictly(request: Request) -> Response:
            state = cast("State", request.state)
            LIMITS.set(state["limits"])
            check_query(request.scope["query_string"], takes_query)
            if body_field is not None:
                check_content_type(request.headers)
                content = await read_body(request, state["limits"].max_body_bytes)
                model = await state["thread_pool"].run(
                    partial(_validate, body_field, content), in_thread=len(content) > SMALL_BYTES
                )
                request = ValidatedRequest(request, content, model)
            return await handle(request)

        return handle_strictly


class ArrowRoute(StrictRoute):
    """A route for Arrow streams; requests with other bodies go to the next route with the same path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match only requests whose body is an Arrow stream."""
        match, child_scope = super().matches(scope)
        if match is Match.FULL and not is_arrow(Headers(scope=scope)):
            return Match.NONE, {}
        return match, child_scope


def check_query(query: bytes, takes_query: bool) -> None:
    """Check that no query parameter is repeated, and that a route without parameters gets none.

    Raises:
        InvalidRequest: A parameter is repeated or not allowed, there are too many, or they are not UTF-8.
    """
    try:
        # By default, invalid UTF-8 would be replaced.
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise InvalidRequest([((), "the query string is not percent-encoded UTF-8")]) from None
    except ValueError:
        raise InvalidRequest([((), f"the query string has more than {MAX_PARAMETERS} parameters")]) from None
    names = [name for name, _ in pairs]
    if names and not takes_query:
        raise InvalidRequest([((name,), "this path has no query parameters") for name in names])
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InvalidRequest([((repeated[0],), "is given more than once")])


def _validate(body_field: Any, content: bytes) -> object:
    # This is much faster than the parser for two long lists of strings.
    columns = parse_columns(content)
    model, errors = body_field.validate(parse_json(content) if columns is None else columns, loc=("body",))
    if errors:
        raise RequestValidationError(errors)
    return model
