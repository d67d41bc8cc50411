"""Strict JSON: one value, in UTF-8, of finite numbers, with no key twice.

The standard library's parser is the base because it alone tells of repeated keys.
"""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any, Final, NoReturn, cast

import orjson

from app.contract.errors import UnreadableBody


class _RefusedError(ValueError):
    pass


def parse_json(body: bytes) -> object:
    """The value that `body` holds.

    Raises:
        UnreadableBody: It holds none, or one that could be read in two ways.
    """
    if not body:
        raise UnreadableBody("the body is empty")
    plain = _parse_plain(body)
    if plain is not None:
        return plain
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UnreadableBody("the body is not UTF-8") from None
    try:
        value: object = _DECODER.decode(text)
        if "\\u" in text:
            # Half of a surrogate pair is no text, but only this parser says so.
            orjson.loads(body)
    except RecursionError:
        raise UnreadableBody("the body is nested too deeply") from None
    except _RefusedError as error:
        raise UnreadableBody(str(error)) from None
    except ValueError:
        raise UnreadableBody("the body is not JSON") from None
    return value


def _parse_plain(body: bytes) -> dict[str, Any] | None:
    """The object that `body` holds, if it is a plain one; None says nothing of it.

    Plain is an object of texts, whole numbers, and lists of either, without a backslash: there the number
    of quotes tells whether a key occurs twice, and a much faster parser will do.
    """
    if b"\\" in body:
        return None
    try:
        fields = orjson.loads(body)
        if type(fields) is not dict:
            return None
        texts = len(fields) + sum(_count_texts(value) for value in fields.values())
    except (ValueError, TypeError):
        return None
    return fields if body.count(b'"') == 2 * texts else None


def _count_texts(value: object) -> int:
    """How many texts a text, a whole number or a list of either is.

    Raises:
        TypeError: It is something else.
    """
    if type(value) is str:
        return 1
    if type(value) is int:
        return 0
    if type(value) is list:
        with contextlib.suppress(TypeError):
            "".join(value)
            return len(value)
    kinds = set(map(type, value)) if type(value) is list else {type(value)}
    if not kinds <= {str, int}:
        raise TypeError
    values = cast("list[object]", value)
    return len(values) if int not in kinds else sum(type(one) is str for one in values)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("the body has an object with a key that occurs twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _RefusedError("the body has a number that is too large")
    return number


def _constant(_text: str) -> NoReturn:
    raise _RefusedError("the body has NaN or Infinity, which are not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_constant)
