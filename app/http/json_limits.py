"""What a large JSON body is made of, counted before it is parsed.

A parser makes an object of every pair of brackets, and nothing else of the process runs until it is through:
megabytes of brackets take it seconds, where the largest request that a call takes is a fraction of one.
Counting bytes takes milliseconds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.contract.errors import InvalidRequest, TooManyPairs
from app.contract.limits import Limits

# A smaller body is parsed in little time whatever it holds.
LARGE_BYTES: Final = 256 * 1024
# More than any call takes: lists of a body, fields of a pair, and fields of a body beside its pairs.
_MOST_LISTS: Final = 8
_FIELDS_OF_A_PAIR: Final = 3
_FIELDS_OF_A_BODY: Final = 8
_QUOTE: Final = ord('"')


def check_shape(body: bytes, limits: Limits) -> None:
    """Pass when no more is in `body` than a request may hold, so that it can be parsed.

    Raises:
        TooManyPairs: It holds more objects than pairs are allowed.
        InvalidRequest: It holds more lists or fields than any request.
    """
    if len(body) < LARGE_BYTES or _fits(body, limits):
        return
    # Ids may hold brackets and colons, too.
    body = _without_texts(body)
    if _fits(body, limits):
        return
    pairs = body.count(b"{") - 1
    if pairs > limits.max_batch:
        raise TooManyPairs(pairs, limits.max_batch)
    raise InvalidRequest([((), "the body holds more lists or fields than any request")])


def _fits(body: bytes, limits: Limits) -> bool:
    pairs = body.count(b"{") - 1
    return (
        pairs <= limits.max_batch
        and body.count(b"[") <= _MOST_LISTS
        and body.count(b":") <= _FIELDS_OF_A_PAIR * max(pairs, 0) + _FIELDS_OF_A_BODY
    )


def _without_texts(body: bytes) -> bytes:
    """`body` less what stands between quotes."""
    data = np.frombuffer(body.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    inside = np.bitwise_xor.accumulate((data == _QUOTE).view(np.uint8))
    return bytes(data[inside == 0])
