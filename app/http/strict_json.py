"""Strict JSON: UTF-8, finite numbers only, no duplicate keys.

It uses the parser of the standard library, because orjson does not report duplicate keys.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

import orjson

from app.contract.errors import UnreadableBody


class _RefusedError(ValueError):
    pass


def parse_json(body: bytes) -> object:
    """Parse `body`.

    Raises:
        UnreadableBody: It is not valid JSON, or is ambiguous.
    """
    if not body:
        raise UnreadableBody("the body is empty")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UnreadableBody("the body is not UTF-8") from None
    try:
        value: object = _DECODER.decode(text)
        if "\\u" in text:
            # Only orjson refuses lone surrogates.
            orjson.loads(body)
    except RecursionError:
        raise UnreadableBody("the body is nested too deeply") from None
    except _RefusedError as error:
        raise UnreadableBody(str(error)) from None
    except ValueError:
        raise UnreadableBody("the body is not JSON") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("the body has an object with a duplicate key")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _RefusedError("the body has a number that is too large")
    return number


def _constant(_text: str) -> NoReturn:
    raise _RefusedError("the body has NaN or Infinity, which are not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_constant)
