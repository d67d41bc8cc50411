"""Loaded by Schemathesis: one thing that JSON Schema cannot say of our bodies."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    """Leave out bodies with `1.0` for a whole number: an integer to JSON Schema, and no id of ours."""
    stack = [("", body)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, float) and value.is_integer() and name != "rating":
            return False
        if isinstance(value, dict):
            stack += value.items()
        elif isinstance(value, list):
            stack += [(name, one) for one in value]
    return True
