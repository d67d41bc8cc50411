"""What an id in a request may be: text, or a whole number; nothing is coerced and nothing is folded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from training.artefact import MAX_ID_LENGTH, RawId
from training.artefact.ids.id_text import IdTexts

MAX_NUMBER: Final = 2**63 - 1
# Control characters, line and paragraph separators, and halves of surrogate pairs.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# The same for the OpenAPI document, whose readers do not agree on what `\\s` is: no blank at either end.
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_BLANK: Final = r"\x20\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_PATTERN: Final = rf"^[^{_CONTROL}{_BLANK}]([^{_CONTROL}]*[^{_CONTROL}{_BLANK}])?$"

ID_SCHEMA: Final[dict[str, Any]] = {
    "title": "Id",
    "description": "Text, or a whole number, which stands for the model's prefix and the number.",
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": _PATTERN},
        # The format says what the maximum is: FastAPI would write it as a float, and so round it.
        {"type": "integer", "minimum": 0, "format": "int64"},
    ],
}


def check_id(raw: object, max_length: int = MAX_ID_LENGTH) -> RawId:
    """`raw`, if it can be an id.

    Args:
        raw: A parsed JSON value.
        max_length: Most characters that an id may have.

    Raises:
        ValueError: It cannot; the message says why and does not repeat it.
    """
    # Exact types: `True` is an int to `isinstance`, and not an id.
    if type(raw) is str:
        if not 0 < len(raw) <= max_length:
            raise ValueError("is empty" if not raw else f"has more than {max_length} characters")
        if raw != raw.strip():
            raise ValueError("has blanks around it")
        if not raw.isprintable() and _FORBIDDEN.search(raw):
            raise ValueError("holds a control character")
        return raw
    if type(raw) is int:
        if not 0 <= raw <= MAX_NUMBER:
            raise ValueError(f"must not be negative or above {MAX_NUMBER}")
        return raw
    raise ValueError("must be a string or a whole number")


def plain_ids(raws: Sequence[object], max_length: int) -> Sequence[RawId] | None:
    """`raws`, if all are plain ids: visible ASCII text, or numbers. Else None, which says nothing of them.

    Looks at all at once, where `check_id` takes longer than rating them does.
    """
    if not raws:
        return None
    try:
        texts = raws if isinstance(raws, IdTexts) else IdTexts.of(cast("list[str]", raws))
    except TypeError:
        numbers = set(map(type, raws)) == {int}
        plain = numbers and min(cast("list[int]", raws)) >= 0 and max(cast("list[int]", raws)) <= MAX_NUMBER
        return cast("list[RawId]", raws) if plain else None
    return texts if texts is not None and texts.all_plain(max_length) else None
