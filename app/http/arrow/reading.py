"""Read two columns of ids from an Arrow stream.

The C libraries for Arrow trust the lengths in a stream, and crash the process if these are wrong; so the
format is parsed here. Only what the endpoint accepts is supported: two columns of text or whole numbers,
without nulls, uncompressed (a compressed body may expand to a thousand times its size).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import InvalidRequest, TooManyPairs, UnreadableBody
from app.contract.ids import Column, Pairs, check_numbers, check_texts
from app.contract.limits import Limits
from app.http.arrow.flatbuffers import BadBytesError, Table, number_at
from training.artefact.ids.id_text import IdTexts

COLUMNS: Final = ("user_id", "movie_id")
# Constants and field numbers of the Arrow format (Message.fbs and Schema.fbs).
_CONTINUES: Final = b"\xff\xff\xff\xff"
_SCHEMA, _RECORD_BATCH = 1, 3
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_ENDIANNESS, _FIELDS = 0, 1
_NAME, _TYPE_TYPE, _TYPE, _DICTIONARY, _CHILDREN = 0, 2, 3, 4, 5
_INT, _UTF8, _LARGE_UTF8 = 2, 5, 20
_BIT_WIDTH, _IS_SIGNED = 0, 1
_LENGTH, _NODES, _BUFFERS, _COMPRESSION = 0, 1, 2, 3
_STRUCT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Kind:
    """The type of a column: whole numbers of a dtype, or text with offsets of a dtype."""

    name: str
    dtype: np.dtype[Any]
    is_text: bool


@dataclass(frozen=True, slots=True)
class _Message:
    """One message: its metadata, and the offsets of its body."""

    header_type: int
    header: Table
    start: int
    end: int


def read_pairs(body: bytes, limits: Limits) -> list[Pairs]:
    """Read the batches of a stream, in order.

    Raises:
        UnreadableBody: It is not an Arrow stream, or is compressed.
        InvalidRequest: It has other columns, or an entry is not a valid id.
        TooManyPairs: It has more rows than `limits.max_batch`.
    """
    try:
        messages = _messages(body)
        first = next(messages, None)
        if first is None or first.header_type != _SCHEMA:
            raise BadBytesError
        kinds = _kinds(first.header)
        found, rows = [], 0
        for message in messages:
            if message.header_type != _RECORD_BATCH or message.header.field(_COMPRESSION) is not None:
                raise BadBytesError
            count = message.header.number(_LENGTH, "<q")
            rows += count
            if rows > limits.max_batch:
                raise TooManyPairs(rows, limits.max_batch)
            columns = _columns(body, message, kinds, count, limits)
            found.append(Pairs(columns["user_id"], columns["movie_id"]))
        return found
    except BadBytesError:
        raise UnreadableBody("the body is not an uncompressed Arrow stream") from None


def _messages(body: bytes) -> Iterator[_Message]:
    place = 0
    while place < len(body):
        if body[place : place + 4] != _CONTINUES:
            raise BadBytesError
        size = number_at(body, "<i", place + 4)
        if size == 0:
            return
        metadata = Table.at(body, place + 8)
        header = metadata.table(_HEADER)
        length = metadata.number(_BODY_LENGTH, "<q")
        start = place + 8 + size
        if header is None or size < 0 or not 0 <= length <= len(body) - start:
            raise BadBytesError
        yield _Message(metadata.number(_HEADER_TYPE, "<B"), header, start, start + length)
        place = start + length


def _kinds(schema: Table) -> list[_Kind]:
    fields = schema.tables(_FIELDS)
    if sorted(field.text(_NAME) for field in fields) != sorted(COLUMNS):
        raise InvalidRequest([((), f"the stream must have the columns {' and '.join(COLUMNS)}")])
    if schema.number(_ENDIANNESS, "<h"):
        raise InvalidRequest([((), "the stream must be little-endian")])
    return [_kind(field) for field in fields]


def _kind(field: Table) -> _Kind:
    name, kind, details = field.text(_NAME), field.number(_TYPE_TYPE, "<B"), field.table(_TYPE)
    plain = field.field(_DICTIONARY) is None and field.vector(_CHILDREN)[1] == 0
    if plain and kind in (_UTF8, _LARGE_UTF8):
        return _Kind(name, np.dtype("<i4" if kind == _UTF8 else "<i8"), is_text=True)
    if plain and kind == _INT and details is not None:
        bits, signed = details.number(_BIT_WIDTH, "<i"), details.number(_IS_SIGNED, "<B")
        if bits in (8, 16, 32, 64):
            return _Kind(name, np.dtype(f"<{'i' if signed else 'u'}{bits // 8}"), is_text=False)
    raise InvalidRequest([((name,), "must be a column of utf8, large_utf8 or whole numbers")])


def _columns(
    body: bytes, message: _Message, kinds: list[_Kind], rows: int, limits: Limits
) -> dict[str, Column]:
    header = message.header
    node, nodes = header.vector(_NODES)
    buffer, buffers = header.vector(_BUFFERS)
    if rows < 0 or nodes != len(kinds) or buffers != sum(3 if kind.is_text else 2 for kind in kinds):
        raise BadBytesError
    columns: dict[str, Column] = {}
    for kind in kinds:
        if number_at(body, "<q", node) != rows:
            raise BadBytesError
        if number_at(body, "<q", node + 8) != 0:
            raise InvalidRequest([((kind.name,), "has nulls")])
        node += _STRUCT_BYTES
        # The first buffer is the null bitmap, which is not needed without nulls.
        parts = [
            _buffer(body, message, buffer + place * _STRUCT_BYTES) for place in (1, 2)[: 1 + kind.is_text]
        ]
        buffer += _STRUCT_BYTES * (1 + len(parts))
        if kind.is_text:
            columns[kind.name] = _texts(kind, parts[0], parts[1], rows, limits)
        else:
            columns[kind.name] = check_numbers(kind.name, _array(parts[0], kind.dtype, rows))
    return columns


def _buffer(body: bytes, message: _Message, place: int) -> memoryview:
    offset, length = (number_at(body, "<q", place + eight) for eight in (0, 8))
    content = memoryview(body)[message.start : message.end]
    if not 0 <= offset <= offset + length <= len(content):
        raise BadBytesError
    return content[offset : offset + length]


def _array(buffer: memoryview, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    if len(buffer) < count * dtype.itemsize:
        raise BadBytesError
    return np.frombuffer(buffer, dtype, count) if count else np.empty(0, dtype)


def _texts(kind: _Kind, offset_bytes: memoryview, data: memoryview, rows: int, limits: Limits) -> Column:
    if not rows:
        return np.empty(0, np.int64)
    offsets = _array(offset_bytes, kind.dtype, rows + 1).astype(np.int64)
    if offsets[0] < 0 or offsets[-1] > len(data) or np.any(offsets[1:] < offsets[:-1]):
        raise BadBytesError
    own = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if len(data) else np.empty(0, np.uint8)
    offsets -= offsets[0]
    texts = IdTexts(own, offsets[:-1], offsets[1:])
    check_texts(kind.name, texts, limits.max_id_length)
    return texts
