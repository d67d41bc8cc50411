"""Schemathesis hook for a rule on bodies that JSON Schema cannot express."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: Any) -> bool:
    """Skip bodies with `1.0` as a whole number, which JSON Schema allows but the service refuses."""
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
