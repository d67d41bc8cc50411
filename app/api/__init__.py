"""Routes, their dependencies and the OpenAPI document."""
