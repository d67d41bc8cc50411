"""Lists of plain texts, found in a JSON body's bytes: no parser makes an object for each.

Long lists are most of what reading a batch costs. Only the usual form is understood: two lists of visible
ASCII without backslashes, with nothing between their texts but commas, or commas and blanks. Everything else,
and so every error, is left to the parser, as if nobody had looked.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from app.contract.errors import UnreadableBody
from app.http.strict_json import parse_json
from training.artefact.ids.id_text import IdTexts

# For a shorter body, the parser is faster.
MIN_BYTES: Final = 4096
_QUOTE, _COMMA, _BLANK = b'", '
_LOWEST, _HIGHEST = 0x20, 0x7E
# Stand for the lists while the rest is parsed.
_MARKS: Final = ([1], [2])


def parse_columns(body: bytes) -> dict[str, object] | None:
    """The object that `body` holds, with two lists of texts as `IdTexts`; None says nothing of it."""
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
    # With two brackets of each kind in all, a list that is parsed here has those that were found.
    columns = {name: _MARKS.index(value) for name, value in fields.items() if value in _MARKS}
    texts = [_texts(body[start:end]) for start, end in zip(starts, ends, strict=True)]
    if len(columns) != len(_MARKS) or None in texts:
        return None
    return fields | {name: texts[place] for name, place in columns.items()}


def _only_two(body: bytes, mark: bytes) -> tuple[int, int]:
    """Where a byte occurs, if it does just twice; else twice -1."""
    first = body.find(mark)
    second = body.find(mark, first + 1)
    return (first, second) if second > first >= 0 > body.find(mark, second + 1) else (-1, -1)


def _texts(inside: bytes) -> IdTexts | None:
    """The texts between the brackets of a list; None where they are not plain."""
    data = np.frombuffer(inside, np.uint8)
    if data.size < 2 or not data[0] == data[-1] == _QUOTE or data.min() < _LOWEST or data.max() > _HIGHEST:
        return None
    commas = np.flatnonzero(data == _COMMA)
    blank = int(commas.size > 0 and data[commas[0] + 1] == _BLANK)
    starts = np.concatenate([[1], commas + 2 + blank])
    ends = np.concatenate([commas - 1, [data.size - 1]])
    # Each text has two quotes of its own, and there are no others: so no comma is part of a text.
    plain = (
        np.count_nonzero(data == _QUOTE) == 2 * starts.size
        and bool(np.all(ends >= starts))
        and bool(np.all(data[starts - 1] == _QUOTE))
        and bool(np.all(data[ends] == _QUOTE))
        and not (blank and bool(np.any(data[commas + 1] != _BLANK)))
    )
    return IdTexts(data, starts, ends, separators=blank * commas.size) if plain else None
