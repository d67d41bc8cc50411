"""`python -m app.container.healthcheck`: exit with 0 if the service on this machine is ready, else with 1.

It asks the service's own address directly: `http.client` knows no proxies, unlike `urllib` and curl.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from typing import Final

TIMEOUT_SECONDS: Final = 2.0
# A service that listens on every address is asked on the loopback one.
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def check(host: str, port: int) -> str | None:
    """Return None if the service on `host` (brackets are allowed) is ready, else the reason in one line."""
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


def address_in(environment: Mapping[str, str]) -> tuple[str, int]:
    """Return the host and port that the service uses, without the slow import of `app.settings`."""
    port = environment.get("RATINGS_PORT", "")
    # The service ignores an empty value, and `tcp://10.43.0.17:8000`, which Kubernetes sets.
    return environment.get("RATINGS_HOST") or "127.0.0.1", int(port) if port.isdecimal() else 8000


if __name__ == "__main__":
    # Writes the reason, if any, to standard error, and exits with 1; without one, exits with 0.
    sys.exit(check(*address_in(os.environ)))
