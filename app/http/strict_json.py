"""Strict JSON: UTF-8, finite numbers only, no duplicate keys, no more structure than a request may have.

A byte order mark is ignored (RFC 8259, 8.1). The module uses the parser of the standard library, because
orjson does not report duplicate keys. That creates an object for every pair of brackets and holds the
interpreter lock until it is done: megabytes of brackets take seconds, while counting them takes milliseconds.
"""

import json
import math
from typing import Any, Final, NoReturn

import numpy as np
import orjson

from app.contract.errors import InvalidRequest, TooManyPairs, UnreadableBody
from app.contract.limits import LIMITS

# Any smaller body is parsed quickly.
LARGE_BYTES: Final = 256 * 1024
# More than any endpoint accepts: lists in a body, fields of a pair, other fields of a body.
MOST_LISTS: Final = 8
_FIELDS_OF_A_PAIR: Final = 3
_FIELDS_OF_A_BODY: Final = 8
_QUOTE: Final = ord('"')


def parse_json(body: bytes, most_lists: int = MOST_LISTS) -> object:
    """Parse `body`.

    Args:
        body: The bytes of the body.
        most_lists: Maximum number of lists in a large body.

    Raises:
        UnreadableBody: It is not valid JSON, or is ambiguous.
        TooManyPairs: It contains more objects than the limit of pairs.
        InvalidRequest: It contains more lists or fields than any valid request.
    """
    if not body:
        raise UnreadableBody("the body is empty")
    if len(body) >= LARGE_BYTES:
        _check_shape(body, LIMITS.get().max_batch, most_lists)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableBody("the body is not UTF-8") from None
    try:
        value: object = _DECODER.decode(text)
        if "\\u" in text:
            # Only orjson refuses lone surrogates.
            orjson.loads(text)
    except RecursionError:
        raise UnreadableBody("the body is nested too deeply") from None
    except ValueError:
        raise UnreadableBody("the body is not JSON") from None
    return value


def _check_shape(body: bytes, max_pairs: int, most_lists: int) -> None:
    if _fits(body, max_pairs, most_lists):
        return
    # Ids may contain brackets and colons too.
    body = _without_texts(body)
    pairs = body.count(b"{") - 1
    if pairs > max_pairs:
        raise TooManyPairs(pairs, max_pairs)
    if not _fits(body, max_pairs, most_lists):
        raise InvalidRequest([((), "the body has more lists or fields than any valid request")])


def _fits(body: bytes, max_pairs: int, most_lists: int) -> bool:
    pairs = body.count(b"{") - 1
    return (
        pairs <= max_pairs
        and body.count(b"[") <= most_lists
        and body.count(b":") <= _FIELDS_OF_A_PAIR * max(pairs, 0) + _FIELDS_OF_A_BODY
    )


def _without_texts(body: bytes) -> bytes:
    """Return `body` without the contents of its strings."""
    data = np.frombuffer(body.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    inside = np.bitwise_xor.accumulate((data == _QUOTE).view(np.uint8))
    return bytes(data[inside == 0])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableBody("the body has an object with a duplicate key")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise UnreadableBody("the body has a number that is too large")
    return number


def _constant(_text: str) -> NoReturn:
    raise UnreadableBody("the body has NaN or Infinity, which are not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_constant)
