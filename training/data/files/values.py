"""The rules for one id and one number, which are the same for every layout."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from training.artefact.ids.vocabulary import MAX_ID_LENGTH

# Python's float() would also take `1_0`, ` 4`, `nan` and digits of other scripts.
# The engine matches it, too.
NUMBER: Final = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?"
_NUMBER: Final = re.compile(NUMBER + r"\Z")
_DECIMAL_COMMA: Final = re.compile(r"[-+]?[0-9]+,[0-9]+\Z")
_LINE_BREAKING: Final = frozenset({"Cc", "Zl", "Zp"})
# Words that programs write for a missing value.
NOTHING: Final = frozenset(
    {"nan", "NaN", "NAN", "None", "none", "NULL", "null", "Null", "NA", "N/A", "n/a", "<NA>", "NaT", r"\N"}
)


def shown(text: str, limit: int = 60) -> str:
    """Return `text` quoted, shortened and on one line, for a message."""
    return repr(text if len(text) <= limit else f"{text[: limit - 3]}...")


def breaks_lines(text: str) -> bool:
    """Return whether `text` has control characters or line separators, illegal in ids and titles."""
    # Printable text, by far the most frequent, holds none of them.
    return not text.isprintable() and any(unicodedata.category(letter) in _LINE_BREAKING for letter in text)


def id_problem(text: str, role: str, *, keep_null_ids: bool = False) -> str | None:
    """Return why `text` cannot be an id, or None if it can.

    Args:
        text: The id as written in the file.
        role: `user` or `movie`, for the message.
        keep_null_ids: Whether `NULL`, `nan` and similar words are accepted as ids.
    """
    if not text:
        return f"the {role} id is empty; every rating needs one"
    if text in NOTHING and not keep_null_ids:
        return (
            f"the {role} id is {shown(text)}, which programs write for a missing value; leave the row out, "
            "or pass --keep-null-ids if it is an id"
        )
    if len(text) > MAX_ID_LENGTH:
        return f"the {role} id {shown(text)} has {len(text)} characters; at most {MAX_ID_LENGTH} are allowed"
    if text != text.strip():
        return f"the {role} id {shown(text)} has blanks around it; remove them"
    if breaks_lines(text):
        return f"the {role} id {shown(text)} holds a control character; remove it"
    return None


def parse_number(text: str) -> float | None:
    """Parse a plainly written number; return None for anything else (`nan`, `inf`, `3,5`, blanks)."""
    return float(text) if _NUMBER.match(text) else None


def has_decimal_comma(text: str) -> bool:
    """Return whether `text` is a number with a decimal comma."""
    return _DECIMAL_COMMA.match(text) is not None
