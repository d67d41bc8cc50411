"""From the bytes of a request to a checked request model, under the limits of the settings."""

from __future__ import annotations

import email.message
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.requests import Request

from app.contract.errors import (
    BodyTooLarge,
    InvalidRequest,
    RequestError,
    UnreadableBody,
    WrongContentType,
    shorten,
)
from app.contract.limits import Limits
from app.contract.schemas.requests import BatchRequest, RequestModel
from app.http.json_columns import parse_columns
from app.http.json_limits import check_shape
from app.http.strict_json import parse_json
from app.refusing import REFUSAL

ARROW_STREAM: Final = "application/vnd.apache.arrow.stream"
_MAX_PARAMETERS: Final = 100
_MAX_CONTENT_TYPE: Final = 200

RequestT = TypeVar("RequestT", bound=RequestModel)


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body, which must claim to be JSON.

    Raises:
        WrongContentType: It claims to be something else.
        BodyTooLarge: It has too many bytes.
        UnreadableBody: The caller went away.
    """
    check_content_type(request)
    return await read_bytes(request, limits)


def is_arrow(request: Request) -> bool:
    """Whether the body claims to be an Arrow stream, and nothing else."""
    codings, claims = (request.headers.getlist(name) for name in ("content-encoding", "content-type"))
    plain = all(coding.strip().lower() == "identity" for coding in codings)
    return plain and len(claims) == 1 and claims[0].strip().lower() == ARROW_STREAM


async def read_bytes(request: Request, limits: Limits) -> bytes:
    """The body, whatever it is. It is counted while it arrives, whatever it claims to measure.

    Raises:
        BodyTooLarge: It has too many bytes.
        UnreadableBody: The caller went away.
        RequestError: The connection refuses it, such as for taking too long.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > limits.max_body_bytes:
        raise BodyTooLarge(limits.max_body_bytes)
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise UnreadableBody("the body was cut off")
        body += message.get("body", b"")
        if len(body) > limits.max_body_bytes:
            raise BodyTooLarge(limits.max_body_bytes)
        if not message.get("more_body", False):
            return bytes(body)
        refusal: RequestError | None = request.scope.get("state", {}).get(REFUSAL)
        if refusal is not None:
            raise refusal


def check_content_type(request: Request) -> None:
    """Pass when the body claims to be plain JSON in UTF-8.

    Raises:
        WrongContentType: It claims to be something else, or claims nothing.
    """
    codings = request.headers.getlist("content-encoding")
    if any(coding.strip().lower() != "identity" for coding in codings):
        raise WrongContentType("a body must not be compressed (Content-Encoding)")
    claims = request.headers.getlist("content-type")
    if len(claims) != 1 or not _claims_json(claims[0]):
        raise WrongContentType("a body must be JSON in UTF-8 and say so: Content-Type: application/json")


def _claims_json(content_type: str) -> bool:
    # The parser's time grows with the square of the length.
    if len(content_type) > _MAX_CONTENT_TYPE:
        return False
    message = email.message.Message()
    message["content-type"] = content_type
    try:
        charset = str(message.get_param("charset", "utf-8")).lower()
    except (ValueError, TypeError, LookupError):
        # It is strict in places, such as the numbered parts of RFC 2231.
        return False
    return message.get_content_type() == "application/json" and charset in ("utf-8", "utf8")


def parse_body(model: type[RequestT], body: bytes, limits: Limits) -> RequestT:
    """The request that a JSON body holds.

    Raises:
        UnreadableBody: It is not JSON.
        InvalidRequest: It is not what the call takes.
        TooManyPairs: It holds more pairs than one call may.
    """
    check_shape(body, limits)
    return _validate(model, parse_json(body), limits)


def parse_batch(body: bytes, limits: Limits) -> BatchRequest:
    """The same as `parse_body`, of two long lists in a fraction of the time.

    Raises:
        UnreadableBody: It is not JSON.
        InvalidRequest: It is not what the call takes.
        TooManyPairs: It holds more pairs than one call may.
    """
    fields = parse_columns(body)
    return (
        parse_body(BatchRequest, body, limits) if fields is None else _validate(BatchRequest, fields, limits)
    )


def parse_query(model: type[RequestT], request: Request, limits: Limits) -> RequestT:
    """The request that a query string holds.

    Raises:
        InvalidRequest: It is not what the call takes, or a parameter occurs twice.
    """
    parameters: dict[str, str] = {}
    for name, value in _query_pairs(request):
        if name in parameters:
            raise InvalidRequest([((name,), "is given twice")])
        parameters[name] = value
    return _validate(model, parameters, limits)


async def refuse_query(request: Request) -> None:
    """Pass when there is no query string.

    Raises:
        InvalidRequest: There is one, and the call takes none.
    """
    names = [name for name, _ in _query_pairs(request)]
    if names:
        raise InvalidRequest([((name,), "this call takes no query parameters") for name in names])


def _query_pairs(request: Request) -> list[tuple[str, str]]:
    query: bytes = request.scope["query_string"]
    try:
        # Strict: by default, a question mark would take the place of what is not UTF-8.
        return parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise InvalidRequest([((), "the query string is not percent-encoded UTF-8")]) from None
    except ValueError:
        raise InvalidRequest([((), f"the query string has more than {_MAX_PARAMETERS} parameters")]) from None


def _validate(model: type[RequestT], data: object, limits: Limits) -> RequestT:
    try:
        return model.model_validate(data, context=limits)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidRequest([(one["loc"], _plain(one["msg"])) for one in found]) from None


def _plain(message: str) -> str:
    """Pydantic's sentence as the rest of one that begins with the field's name."""
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    message = message.replace("Field required", "is missing")
    return shorten(message[:1].lower() + message[1:], 200)
