"""What one id, one rating and one time may be. Every layout is held to the same rules."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from training.artefact.ids.vocabulary import MAX_ID_LENGTH

LOWEST_RATING: Final = 0.0
HIGHEST_RATING: Final = 5.0
# The last second of the year 9999. Above it, a time is not in seconds (usually in milliseconds).
LATEST_TIMESTAMP: Final = 253_402_300_799

# Python's float() would also take `1_0`, ` 4`, `nan` and digits of other scripts.
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?\Z")
_DECIMAL_COMMA: Final = re.compile(r"[-+]?[0-9]+,[0-9]+\Z")
_DIGITS: Final = re.compile(r"[0-9]{1,18}\Z")
_LINE_BREAKING: Final = frozenset({"Cc", "Zl", "Zp"})


def shown(text: str, limit: int = 60) -> str:
    """`text` quoted, shortened and on one line, for a message."""
    return repr(text if len(text) <= limit else f"{text[: limit - 3]}...")


def breaks_lines(text: str) -> bool:
    """Whether `text` holds control characters or line separators, which no id and no title may."""
    # Printable text, by far the most frequent, holds none of them.
    return not text.isprintable() and any(unicodedata.category(letter) in _LINE_BREAKING for letter in text)


def id_problem(text: str, role: str) -> str | None:
    """Why `text` cannot be an id, or None when it can.

    Args:
        text: The id as it stands in the file.
        role: `user` or `movie`, for the message.
    """
    if not text:
        return f"the {role} id is empty; every rating needs one"
    if len(text) > MAX_ID_LENGTH:
        return f"the {role} id {shown(text)} has {len(text)} characters; at most {MAX_ID_LENGTH} are allowed"
    if text != text.strip():
        return f"the {role} id {shown(text)} has blanks around it; remove them"
    if breaks_lines(text):
        return f"the {role} id {shown(text)} holds a control character; remove it"
    return None


def parse_number(text: str) -> float | None:
    """A plainly written number of any size, or None for anything else (`nan`, `inf`, `3,5`, blanks)."""
    return float(text) if _NUMBER.match(text) else None


def parse_rating(text: str) -> float | None:
    """A rating in stars, or None where `rating_problem` has something to say."""
    value = parse_number(text)
    return value if value is not None and LOWEST_RATING <= value <= HIGHEST_RATING else None


def rating_problem(text: str) -> str | None:
    """Why `text` cannot be a rating, or None when it can."""
    if not text.strip():
        return "the rating is missing; every rating needs a number from 0 to 5"
    if _DECIMAL_COMMA.match(text):
        return f"the rating {shown(text)} has a decimal comma; write {shown(text.replace(',', '.'))}"
    value = parse_number(text)
    if value is None:
        return f"the rating {shown(text)} is not a number from 0 to 5"
    if not LOWEST_RATING <= value <= HIGHEST_RATING:
        return f"the rating {shown(text)} is off the scale, which is 0 to 5"
    return None


def scale_hint(highest: float) -> str:
    """What to do about a column whose highest rating is `highest`; empty where that is no known scale."""
    for top, divisor in ((10, 2), (100, 20)):
        if HIGHEST_RATING < highest <= top:
            return f"; the column goes up to {highest:g}, so it looks like 0 to {top}: divide it by {divisor}"
    return ""


def timestamp_problem(text: str) -> str | None:
    """Why `text` cannot be a time, or None when it can."""
    if not _DIGITS.match(text):
        return f"the timestamp {shown(text)} is not a whole number of seconds since 1970"
    if int(text) > LATEST_TIMESTAMP:
        return f"the timestamp {shown(text)} is after the year 9999; it must be in seconds, not milliseconds"
    return None
