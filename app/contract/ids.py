"""Ids in requests: text or a whole number, without coercion or normalisation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import InvalidRequest
from training.artefact import MAX_ID_LENGTH, RawId
from training.artefact.ids.id_text import IdTexts

MAX_NUMBER: Final = 2**63 - 1
# Control characters, and line and paragraph separators.
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_FORBIDDEN: Final = re.compile(rf"[{_CONTROL}\ud800-\udfff]")
# The same for the OpenAPI document, without surrogates, and without blanks at either end: these are listed,
# because regular expression engines disagree on what `\\s` matches.
_BLANK: Final = r"\x20\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_PATTERN: Final = rf"^[^{_CONTROL}{_BLANK}]([^{_CONTROL}]*[^{_CONTROL}{_BLANK}])?$"

Column = IdTexts | NDArray[np.int64]

ID_SCHEMA: Final[dict[str, Any]] = {
    "title": "Id",
    "description": "Text, or a whole number, which is appended to the prefix of the model's ids.",
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": _PATTERN},
        # The format implies the maximum, which FastAPI would write as a float and so round.
        {"type": "integer", "minimum": 0, "format": "int64"},
    ],
}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two columns of ids with the same length: the pair at position i is `user_ids[i]`, `movie_ids[i]`."""

    user_ids: Column
    movie_ids: Column


def check_id(raw: object, max_length: int = MAX_ID_LENGTH) -> RawId:
    """Return `raw`, a parsed JSON value, if it is a valid id of at most `max_length` characters.

    Raises:
        ValueError: It is not valid; the message states why and does not repeat it.
    """
    # Exact types, because `isinstance(True, int)` is true.
    if type(raw) is str:
        if not 0 < len(raw) <= max_length:
            raise ValueError("is empty" if not raw else f"has more than {max_length} characters")
        if raw != raw.strip():
            raise ValueError("has leading or trailing blanks")
        if not raw.isprintable() and _FORBIDDEN.search(raw):
            raise ValueError("contains a control character")
        return raw
    if type(raw) is int:
        if not 0 <= raw <= MAX_NUMBER:
            raise ValueError(f"must not be negative or above {MAX_NUMBER}")
        return raw
    raise ValueError("must be a string or a whole number")


def plain_ids(raws: Sequence[object], max_length: int) -> Sequence[RawId] | None:
    """Return `raws` if all are valid ids of the usual kind (visible ASCII text, or numbers), else None.

    None means that each must be checked with `check_id`. For a batch, that takes longer than the rating;
    this function checks all ids at once.
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


def check_texts(field: str, texts: IdTexts, max_length: int) -> None:
    """Check all texts of a column; those of the usual kind together.

    Args:
        field: Name of the column.
        texts: Its `n` texts, as they were sent.
        max_length: Maximum number of characters of an id.

    Raises:
        InvalidRequest: One is not UTF-8, or not a valid id.
    """
    if texts.all_plain(max_length):
        return
    for position in range(len(texts)):
        try:
            check_id(texts.strict(position), max_length)
        except UnicodeDecodeError:
            raise InvalidRequest([((field, position), "is not UTF-8")]) from None
        except ValueError as error:
            raise InvalidRequest([((field, position), str(error))]) from None


def check_numbers(field: str, numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Return the `(n,)` numbers of a column, which may have any integer type, as 64-bit integers.

    Raises:
        InvalidRequest: One is negative or too large.
    """
    illegal = (numbers < 0) | (numbers > MAX_NUMBER)
    if illegal.any():
        position = int(np.flatnonzero(illegal)[0])
        raise InvalidRequest([((field, position), f"must not be negative or above {MAX_NUMBER}")])
    return numbers.astype(np.int64)
