"""The environment variables of every Ray process: those that this process starts inherit them.

Ray reads them when it is first imported. The nodes of a cluster need the same ones before `ray start`;
`deploy/ray.env` lists them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Final

# With Ray's defaults, a job did not recover within two minutes after a cable was cut; with these it takes
# seconds. Times are in milliseconds.
NODES: Final[Mapping[str, str]] = {
    # Without a token, anyone who reaches a node can run any code on it.
    "RAY_AUTH_MODE": "token",
    # The head declares a node dead after three failed checks, one second apart.
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    # Connections to a machine that no longer responds are closed.
    "RAY_grpc_keepalive_time_ms": "2000",
    "RAY_grpc_keepalive_timeout_ms": "2000",
    "RAY_grpc_client_keepalive_time_ms": "2000",
    "RAY_grpc_client_keepalive_timeout_ms": "2000",
    # Nothing is reported to the makers of Ray.
    "RAY_USAGE_STATS_ENABLED": "0",
}

# For a cluster of this machine alone. By the first, Ray keeps 127.0.0.1 as its address, which it otherwise
# replaces by one that other machines can reach.
_THIS_MACHINE: Final[Mapping[str, str]] = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # The driver does not copy its environment with `uv run`, because all nodes are this process's children.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}

# For a cluster that is there already: Ray tries three times, a second apart, to reach it, not 20 times.
_OTHER_MACHINES: Final[Mapping[str, str]] = {"RAY_NUM_REDIS_GET_RETRIES": "3"}


def prepare_environment(local: bool) -> None:
    """Set the variables in this process, before Ray is imported.

    Args:
        local: Whether a cluster of this machine alone is started, with a token of its own.
    """
    os.environ.update(NODES)
    if local:
        os.environ.update(_THIS_MACHINE)
        # Ray reads the token once a process, so that a second cluster gets the same one.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    else:
        os.environ.update(_OTHER_MACHINES)
