"""Routes, grouped by resource. A handler takes validated input, calls one service and returns its result."""
