"""Mutations of valid bytes and JSON documents."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

# Values that often cause errors: limits of number types, and values that are not numbers.
_NUMBERS = (
    st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1])
    | st.integers(0, 2**64 - 1)
)  # fmt: skip
_ODD = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, -1, 1, 2**31, 2**63, 10**30, 1.5, float("nan"), float("inf"), 1e308])
    | st.text(max_size=8)
    | st.sampled_from(["../../etc/passwd", "/dev/zero", "float16", "Lambda", "keras.layers", "x" * 10_000])
    | st.sampled_from(["[]", "{}", "[[]]", '{"class_name": "Lambda"}', '{"": null}']).map(json.loads)
)


@st.composite
def changed_bytes(draw: st.DrawFn, sound: bytes) -> bytes:
    """Return `sound` with one to five parts overwritten, removed, duplicated, inserted or swapped."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.sampled_from([1, 2, 4, 8, 16, 100, 2000]))
        match draw(st.sampled_from(["bit", "bytes", "number", "cut", "end", "double", "fill", "move"])):
            case "bit" if data:
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "bytes":
                data[place : place + length] = draw(st.binary(max_size=16))
            case "number":
                width = draw(st.sampled_from([1, 2, 4, 8]))
                number = draw(_NUMBERS) & (256**width - 1)
                data[place : place + width] = number.to_bytes(width, "little")
            case "cut":
                del data[place : place + length]
            case "end":
                del data[place:]
            case "double":
                data[place:place] = data[place : place + length]
            case "fill":
                data[place:place] = draw(st.binary(min_size=1, max_size=1)) * length
            case "move":
                other = draw(st.integers(0, max(0, len(data) - 1)))
                data[other : other + length] = data[place : place + length]
    return bytes(data)


@st.composite
def changed_json(draw: st.DrawFn, sound: bytes) -> bytes:
    """Return the document `sound` with one to three values, names or members changed."""
    document = json.loads(sound)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(document)
        if not places:
            break
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(["value", "number", "drop", "add"])):
            case "value":
                holder[key] = draw(_ODD)
            case "number" if isinstance(holder[key], int | float):
                holder[key] += draw(st.sampled_from([-1, 1, 10**6, -(10**6)]))
            case "drop":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=5))] = draw(_ODD)
    return json.dumps(document).encode()


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Yield every (object or list, key) in `document`; only both ends of long lists, which are uniform."""
    places: list[tuple[Any, Any]] = []
    stack = [document]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            keys: list[Any] = list(found)
        elif isinstance(found, list):
            keys = sorted({0, 1, len(found) - 1} & set(range(len(found))))
        else:
            continue
        places += [(found, key) for key in keys]
        stack += [found[key] for key in keys]
    return places
