"""The body of a request: its declared type, and its bytes."""

import email.message
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from app.contract.errors import BodyTooLarge, UnreadableBody, WrongContentType

ARROW_STREAM: Final = "application/vnd.apache.arrow.stream"
OCTETS: Final = "application/octet-stream"
_MAX_CONTENT_TYPE: Final = 200


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read the body, and count its bytes as they arrive, regardless of `Content-Length`.

    Raises:
        BodyTooLarge: There are more than `max_bytes`.
        UnreadableBody: The connection was closed by the client or after a timeout.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > max_bytes:
        raise BodyTooLarge(max_bytes)
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise UnreadableBody("the connection ended before the body was complete")
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise BodyTooLarge(max_bytes)
        if not message.get("more_body", False):
            return bytes(body)


def is_arrow(headers: Headers) -> bool:
    """Whether the headers declare an uncompressed Arrow stream."""
    types = headers.getlist("content-type")
    return not _is_compressed(headers) and [one.strip().lower() for one in types] == [ARROW_STREAM]


def check_content_type(headers: Headers) -> None:
    """Check that the headers declare uncompressed JSON in UTF-8.

    Raises:
        WrongContentType: They declare something else, or nothing.
    """
    if _is_compressed(headers):
        raise WrongContentType("a body must not be compressed (Content-Encoding)")
    types = headers.getlist("content-type")
    if len(types) != 1 or not _is_json(types[0]):
        raise WrongContentType("a body must be JSON in UTF-8, with the header Content-Type: application/json")


def check_tensor_type(headers: Headers) -> None:
    """Check that the headers declare an uncompressed request of the Open Inference Protocol.

    Clients send JSON that is followed by tensors as `application/octet-stream`, or without a type.

    Raises:
        WrongContentType: They declare something else.
    """
    types = headers.getlist("content-type")
    if _is_compressed(headers) or len(types) > 1:
        raise WrongContentType("a body must not be compressed (Content-Encoding), and have one Content-Type")
    if types and types[0].strip().lower() != OCTETS and not _is_json(types[0]):
        raise WrongContentType(f"a body must be application/json or {OCTETS}")


def _is_compressed(headers: Headers) -> bool:
    return any(coding.strip().lower() != "identity" for coding in headers.getlist("content-encoding"))


def _is_json(content_type: str) -> bool:
    # The parser takes quadratic time.
    if len(content_type) > _MAX_CONTENT_TYPE:
        return False
    message = email.message.Message()
    message["content-type"] = content_type
    try:
        charset = str(message.get_param("charset", "utf-8")).lower()
    except (ValueError, TypeError, LookupError):
        # The parser raises on some malformed values, such as numbered parts (RFC 2231).
        return False
    return message.get_content_type() == "application/json" and charset in ("utf-8", "utf8")
