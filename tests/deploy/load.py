"""Send requests to a service until SIGTERM, without retries: `python3 tests/deploy/load.py URL`.

It prints the number of requests, of failures, and the longest time, and exits with 1 if a request failed. It
needs only the standard library.
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType
from urllib.parse import urlsplit

CLIENTS = 8
TIMEOUT_SECONDS = 15
USERS, MOVIES = [str(user) for user in range(1, 101)], ["1193"] * 100
# Method, path and body, which any store with a model `compact` of MovieLens answers with 200.
REQUESTS: tuple[tuple[str, str, object], ...] = (
    ("POST", "/predict", {"user_id": 1, "movie_id": 1193}),
    ("GET", "/recommend?user_id=1&n=10", None),
    ("POST", "/predict/batch", {"user_ids": USERS, "movie_ids": MOVIES, "on_unknown": "fallback"}),
    ("POST", "/predict/new-user", {"ratings": [{"movie_id": 1193, "rating": 5}], "n": 10}),
    (
        "POST",
        "/v2/models/compact/infer",
        {
            "inputs": [
                {"name": "user_id", "shape": [1], "datatype": "BYTES", "data": ["1"]},
                {"name": "movie_id", "shape": [1], "datatype": "INT64", "data": [1193]},
            ]
        },
    ),
)


@dataclass
class Load:
    """Clients that send requests, each on its own connection, until the end of a `with` block."""

    url: str
    requests: int = 0
    slowest_seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def summary(self) -> str:
        """Return the results in one line."""
        return (
            f"{self.requests} requests, {len(self.failures)} failed, "
            f"the slowest took {self.slowest_seconds:.2f} s"
        )

    def _run(self, number: int) -> None:
        netloc = urlsplit(self.url).netloc
        connection = http.client.HTTPConnection(netloc, timeout=TIMEOUT_SECONDS)
        for method, path, body in self._cycle(number):
            started = time.monotonic()
            failure = ""
            try:
                connection.request(
                    method, path, json.dumps(body) if body else None, {"content-type": "application/json"}
                )
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != http.HTTPStatus.OK:
                    failure = f"{method} {path}: {answer.status} {text[:200]!r}"
            except (OSError, http.client.HTTPException) as error:
                failure = f"{method} {path}: {type(error).__name__}: {error}"
                connection.close()
            with self._lock:
                self.requests += 1
                self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - started)
                if failure:
                    self.failures.append(failure)
        connection.close()

    def _cycle(self, number: int) -> Iterator[tuple[str, str, object]]:
        for request in cycle(REQUESTS[number % len(REQUESTS) :] + REQUESTS[: number % len(REQUESTS)]):
            if self._stopped.wait(0.01):
                return
            yield request


if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with Load(sys.argv[1]) as load:
        stop.wait()
    sys.stdout.write(f"{load.summary()}\n")
    sys.stdout.writelines(f"{failure}\n" for failure in load.failures[:10])
    sys.exit(1 if load.failures else 0)
