"""`python -m app.container.healthcheck`: exit with 0 if the service on this machine is ready, else with 1.

It asks the service's own address directly: `http.client` knows no proxies, unlike `urllib` and curl.
"""

from __future__ import annotations

import http.client
import os
import sys
from typing import Final

TIMEOUT_SECONDS: Final = 2.0
# A service that listens on every address is asked on the loopback one.
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def check(host: str, port: int) -> str | None:
    """Ask the service whether it is ready.

    Args:
        host: What it listens on: a name or an address, with or without brackets.
        port: Its port.

    Returns:
        None if it is ready, else the reason in one line.
    """
    host = host.removeprefix("[").removesuffix("]")
    connection = http.client.HTTPConnection(_LOOPBACK.get(host, host), port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{host}:{port} does not answer ({error})"
    finally:
        connection.close()
    return None if status == http.HTTPStatus.OK else f"{host}:{port} is not ready (status {status})"


def main() -> int:
    """Check the service that the environment describes, and return the exit code."""
    reason = check(os.environ.get("RATINGS_HOST", "127.0.0.1"), int(os.environ.get("RATINGS_PORT", "8000")))
    if reason is not None:
        sys.stderr.write(f"{reason}\n")
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
