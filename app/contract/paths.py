"""Paths that the layers around the routes treat differently from the others."""

from typing import Final

from starlette.types import Scope

# Probes of orchestrators: they need no key, and are neither refused under load nor traced.
HEALTH: Final = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
METRICS: Final = "/metrics"
# The Open Inference Protocol, which has its own shape of errors.
INFERENCE: Final = "/v2"


def is_inference(scope: Scope) -> bool:
    """Whether the path of a request belongs to the Open Inference Protocol."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path == INFERENCE or path.startswith(f"{INFERENCE}/")
