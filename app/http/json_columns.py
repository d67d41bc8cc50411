"""Locate long lists of strings in the bytes of a JSON body, without creating an object for each string.

Parsing long lists takes most of the time to read a batch. Only the usual form is handled: two lists of
visible ASCII strings without backslashes, separated by commas, or by commas and blanks. Everything else,
including every error, is left to the parser.
"""

from typing import Final

import numpy as np

from app.contract.errors import UnreadableBody
from app.http.strict_json import parse_json
from training.artefact.ids.id_text import IdTexts

# The parser is faster for shorter bodies.
MIN_BYTES: Final = 4096
_QUOTE, _COMMA, _BLANK = b'", '
_LOWEST, _HIGHEST = 0x20, 0x7E
# Placeholders for the lists while the rest is parsed.
_MARKS: Final = ([1], [2])


def parse_columns(body: bytes) -> dict[str, object] | None:
    """Return the object in `body` with two lists of strings as `IdTexts`, or None to use the parser."""
    if len(body) < MIN_BYTES or b"\\" in body:
        return None
    starts, ends = _only_two(body, b"["), _only_two(body, b"]")
    if not 0 <= starts[0] < ends[0] < starts[1] < ends[1]:
        return None
    starts = starts[0] + 1, starts[1] + 1
    try:
        fields = parse_json(body[: starts[0]] + b"1" + body[ends[0] : starts[1]] + b"2" + body[ends[1] :])
    except UnreadableBody:
        return None
    if not isinstance(fields, dict):
        return None
    # `body` has two brackets of each kind, so the placeholders are exactly the lists that were located.
    columns = {name: _MARKS.index(value) for name, value in fields.items() if value in _MARKS}
    texts = [_texts(body[start:end]) for start, end in zip(starts, ends, strict=True)]
    if len(columns) != len(_MARKS) or None in texts:
        return None
    return fields | {name: texts[place] for name, place in columns.items()}


def _only_two(body: bytes, mark: bytes) -> tuple[int, int]:
    """Return the two positions of a byte that occurs exactly twice, else (-1, -1)."""
    first = body.find(mark)
    second = body.find(mark, first + 1)
    return (first, second) if second > first >= 0 > body.find(mark, second + 1) else (-1, -1)


def _texts(inside: bytes) -> IdTexts | None:
    """Return the strings between the brackets of a list, or None if they do not have the usual form."""
    data = np.frombuffer(inside, np.uint8)
    if data.size < 2 or not data[0] == data[-1] == _QUOTE or data.min() < _LOWEST or data.max() > _HIGHEST:
        return None
    commas = np.flatnonzero(data == _COMMA)
    blank = int(commas.size > 0 and data[commas[0] + 1] == _BLANK)
    starts = np.concatenate([[1], commas + 2 + blank])
    ends = np.concatenate([commas - 1, [data.size - 1]])
    # Each string has its two quotes and there are no others, so no comma is part of a string.
    plain = (
        np.count_nonzero(data == _QUOTE) == 2 * starts.size
        and bool(np.all(ends >= starts))
        and bool(np.all(data[starts - 1] == _QUOTE))
        and bool(np.all(data[ends] == _QUOTE))
        and not (blank and bool(np.any(data[commas + 1] != _BLANK)))
    )
    return IdTexts(data, starts, ends, separators=blank * commas.size) if plain else None
