"""Columns of ids from the tensors of a request: JSON values, or bytes in little-endian order.

An element of a binary BYTES tensor is its length, as an unsigned integer of four bytes, and then its bytes.
Where an element begins thus depends on the lengths of all elements before it. No length is trusted: every
position is checked against the end of the tensor.
"""

import struct
from collections.abc import Sequence
from itertools import chain
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import InvalidRequest, UnreadableBody
from app.contract.ids import Column, check_id, check_numbers, check_texts, plain_ids
from app.contract.limits import Limits
from app.contract.schemas.inference import InputTensor
from training.artefact.ids.id_text import IdTexts

_LENGTH: Final = struct.Struct("<I")
_INT64: Final = np.dtype("<i8")
_SEPARATOR: Final = ord("\n")


def binary_column(tensor: InputTensor, content: bytes, limits: Limits) -> Column:
    """Return the ids of a binary tensor.

    Args:
        tensor: Name, datatype and shape.
        content: Its bytes.
        limits: Limits of the service; the tensor has at most `max_batch` elements.

    Raises:
        UnreadableBody: The bytes do not hold as many elements as the shape states.
        InvalidRequest: An element is not a valid id.
    """
    count = tensor.shape[0]
    if tensor.datatype == "INT64":
        if len(content) != count * _INT64.itemsize:
            raise _misfit(tensor)
        return check_numbers(tensor.name, np.frombuffer(content, _INT64))
    if not count:
        if content:
            raise _misfit(tensor)
        return np.empty(0, np.int64)
    places = _short_places(content, count) or _places(content, count)
    if places is None:
        raise _misfit(tensor)
    starts, ends = places
    # The lengths become separators between the texts.
    data = np.frombuffer(content, np.uint8).copy()
    for before in range(1, _LENGTH.size + 1):
        data[starts - before] = _SEPARATOR
    texts = IdTexts(data, starts, ends, separators=_LENGTH.size * count)
    check_texts(tensor.name, texts, limits.max_id_length)
    return texts


def json_column(tensor: InputTensor, limits: Limits) -> Column:
    """Return the ids in `data`.

    Raises:
        InvalidRequest: There are more or fewer than the shape states, or one is not a valid id.
    """
    values, is_text = _flat(tensor), tensor.datatype == "BYTES"
    plain = plain_ids(values, limits.max_id_length)
    if plain is None or isinstance(plain, IdTexts) != is_text:
        _check_values(tensor, values, limits)
    if not (is_text and values):
        return np.array(values, np.int64)
    texts = plain if isinstance(plain, IdTexts) else IdTexts.of(cast("list[str]", values))
    # None would mean that a text has a line end, which is refused above.
    assert texts is not None
    return texts


def _flat(tensor: InputTensor) -> Sequence[object]:
    """Return the values of a tensor as one list, which may be given as lists of one value."""
    values = tensor.data
    if not isinstance(values, list):
        raise InvalidRequest([((tensor.name,), "data must be a list of ids")])
    if len(tensor.shape) == 2 and values and all(type(row) is list and len(row) == 1 for row in values):
        values = list(chain.from_iterable(values))
    if len(values) != tensor.shape[0]:
        raise InvalidRequest([((tensor.name,), f"data has {len(values)} ids, and the shape {tensor.shape}")])
    return values


def _check_values(tensor: InputTensor, values: Sequence[object], limits: Limits) -> None:
    kind, called = (str, "a string") if tensor.datatype == "BYTES" else (int, "a whole number")
    for position, value in enumerate(values):
        # Exact types, because `isinstance(True, int)` is true.
        if type(value) is not kind:
            raise InvalidRequest(
                [((tensor.name, position), f"must be {called} (datatype {tensor.datatype})")]
            )
        try:
            check_id(value, limits.max_id_length)
        except ValueError as error:
            raise InvalidRequest([((tensor.name, position), str(error))]) from None


def _short_places(content: bytes, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Locate `count` elements that are shorter than 256 bytes and have no zero bytes, all at once.

    Returns:
        `(count,)` positions of the first byte of each element, and after its last; None if an element is not
        like this, or the lengths do not fit.
    """
    data = np.frombuffer(content, np.uint8)
    zeros = np.flatnonzero(data == 0)
    # The three high bytes of each length are the only zeros.
    if zeros.size != 3 * count:
        return None
    starts = zeros[::3] + 3
    ends = starts + data[starts - _LENGTH.size]
    fits = (
        np.array_equal(zeros[1::3] + 2, starts)
        and np.array_equal(zeros[2::3] + 1, starts)
        and starts[0] == _LENGTH.size
        and np.array_equal(starts[1:] - _LENGTH.size, ends[:-1])
        and ends[-1] == data.size
    )
    return (starts, ends) if fits else None


def _places(content: bytes, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Locate `count` elements of any length one after the other; return None if the lengths do not fit."""
    if len(content) < count * _LENGTH.size:
        return None
    starts, ends = np.empty(count, np.int64), np.empty(count, np.int64)
    end = 0
    for position in range(count):
        start = end + _LENGTH.size
        if start > len(content):
            return None
        end = start + _LENGTH.unpack_from(content, end)[0]
        if end > len(content):
            return None
        starts[position], ends[position] = start, end
    return (starts, ends) if end == len(content) else None


def _misfit(tensor: InputTensor) -> UnreadableBody:
    return UnreadableBody(
        f"the binary data of {tensor.name} is not a {tensor.datatype} tensor of shape {tensor.shape}"
    )
