"""Limits on the structure of a large JSON body, checked before it is parsed.

A parser creates an object for every pair of brackets and holds the interpreter lock until it is done:
megabytes of brackets take seconds, while the largest valid request takes a fraction of a second. Counting
bytes takes milliseconds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.contract.errors import InvalidRequest, TooManyPairs
from app.contract.limits import Limits

# Any smaller body is parsed quickly.
LARGE_BYTES: Final = 256 * 1024
# More than any endpoint accepts: lists in a body, fields of a pair, other fields of a body.
_MOST_LISTS: Final = 8
_FIELDS_OF_A_PAIR: Final = 3
_FIELDS_OF_A_BODY: Final = 8
_QUOTE: Final = ord('"')


def check_shape(body: bytes, limits: Limits) -> None:
    """Check that `body` has no more structure than a valid request.

    Raises:
        TooManyPairs: It contains more objects than the limit of pairs.
        InvalidRequest: It contains more lists or fields than any valid request.
    """
    if len(body) < LARGE_BYTES or _fits(body, limits):
        return
    # Ids may contain brackets and colons too.
    body = _without_texts(body)
    if _fits(body, limits):
        return
    pairs = body.count(b"{") - 1
    if pairs > limits.max_batch:
        raise TooManyPairs(pairs, limits.max_batch)
    raise InvalidRequest([((), "the body has more lists or fields than any valid request")])


def _fits(body: bytes, limits: Limits) -> bool:
    pairs = body.count(b"{") - 1
    return (
        pairs <= limits.max_batch
        and body.count(b"[") <= _MOST_LISTS
        and body.count(b":") <= _FIELDS_OF_A_PAIR * max(pairs, 0) + _FIELDS_OF_A_BODY
    )


def _without_texts(body: bytes) -> bytes:
    """Return `body` without the contents of its strings."""
    data = np.frombuffer(body.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    inside = np.bitwise_xor.accumulate((data == _QUOTE).view(np.uint8))
    return bytes(data[inside == 0])
