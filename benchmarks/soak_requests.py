"""The requests of a soak test: every kind, each with its expected status."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import pyarrow as pa

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
MAX_BATCH: Final = 2000
_USERS, _MOVIES = 6040, 3952
_MODELS: Final = ("accurate", "baseline", "compact", "memory_efficient", "tiny")


@dataclass(frozen=True)
class SoakRequest:
    """A request.

    Attributes:
        kind: Row of the report that counts the request.
        method: HTTP method.
        path: Path with the query string.
        body: Request body; may be empty.
        content_type: Media type of the body.
        status: Expected status code.
    """

    kind: str
    method: str
    path: str
    body: bytes = field(default=b"", repr=False)
    content_type: str = JSON
    status: int = 200

    def send(self, connection: http.client.HTTPConnection) -> tuple[int, bytes]:
        """Send the request once.

        Args:
            connection: The connection to use; opened if necessary.

        Returns:
            The status, and the part of the body that depends only on the models.

        Raises:
            OSError: No response was received.
            http.client.HTTPException: The response is malformed.
        """
        headers = {"Content-Type": self.content_type} if self.body else {}
        connection.request(self.method, self.path, self.body or None, headers)
        response = connection.getresponse()
        body = response.read()
        if self.kind == "GET /compare" and response.status == self.status:
            # The response also has durations, which differ between processes.
            with contextlib.suppress(
                ValueError, LookupError, TypeError
            ):  # a malformed body stays as it is and fails the comparison
                comparison = json.loads(body)
                body = json.dumps([comparison["predictions"], comparison["spread"]]).encode()
        return response.status, body


def mixed_requests(each: int = 40) -> dict[str, list[SoakRequest]]:
    """Return requests of all kinds for the shipped models, the same ones in every run.

    Args:
        each: Number of requests of each kind; a fifth of it for batches.
    """
    random = Random(5)
    few = max(1, each // 5)
    kinds = [
        *(_predict(random) for _ in range(each)),
        *(_predict_get(random) for _ in range(each)),
        *(_batch(random) for _ in range(few)),
        *(_arrow(random) for _ in range(few)),
        *(_recommend(random) for _ in range(each)),
        *(_new_user(random) for _ in range(few)),
        *(_compare(random) for _ in range(each)),
        *(_compare_post(random) for _ in range(few)),
        *_client_errors(),
    ]
    found: dict[str, list[SoakRequest]] = {}
    for request in kinds:
        found.setdefault(request.kind, []).append(request)
    return found


def _pair(random: Random) -> dict[str, int]:
    return {"user_id": random.randint(1, _USERS), "movie_id": random.randint(1, _MOVIES)}


def _post(kind: str, path: str, body: Any, status: int = 200) -> SoakRequest:
    return SoakRequest(kind, "POST", path, json.dumps(body).encode(), status=status)


def _predict(random: Random) -> SoakRequest:
    more = {"model": random.choice(_MODELS), "on_unknown": "fallback"}
    return _post("POST /predict", "/predict", _pair(random) | more)


def _predict_get(random: Random) -> SoakRequest:
    query = urlencode({**_pair(random), "on_unknown": "fallback"})
    return SoakRequest("GET /predict", "GET", f"/predict?{query}")


def _columns(random: Random, count: int) -> dict[str, list[int]]:
    pairs = [_pair(random) for _ in range(count)]
    return {f"{name}s": [pair[name] for pair in pairs] for name in ("user_id", "movie_id")}


def _batch(random: Random) -> SoakRequest:
    body = _columns(random, 1000) | {"on_unknown": "fallback"}
    return _post("batch, JSON", "/predict/batch", body)


def _arrow(random: Random) -> SoakRequest:
    columns = _columns(random, MAX_BATCH)
    table = pa.table({"user_id": columns["user_ids"], "movie_id": columns["movie_ids"]})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return SoakRequest("batch, Arrow", "POST", "/predict/batch?on_unknown=fallback", out.getvalue(), ARROW)


def _recommend(random: Random) -> SoakRequest:
    return SoakRequest("/recommend", "GET", f"/recommend?user_id={random.randint(1, _USERS)}&n=20")


def _new_user(random: Random) -> SoakRequest:
    # Movies that are in the training rows of every split.
    movies = random.sample(
        [1, 260, 318, 480, 527, 589, 593, 608, 1193, 1196, 1198, 1210, 1270, 2028, 2858], 6
    )
    ratings = [{"movie_id": movie, "rating": random.randint(1, 5)} for movie in movies[:5]]
    return _post("/predict/new-user", "/predict/new-user", {"ratings": ratings, "movie_ids": movies[5:]})


def _compare(random: Random) -> SoakRequest:
    return SoakRequest("GET /compare", "GET", f"/compare?{urlencode(_pair(random))}")


def _compare_post(random: Random) -> SoakRequest:
    pairs = [_pair(random) | {"rating": random.randint(1, 5)} for _ in range(50)]
    return _post("POST /compare", "/compare", {"pairs": pairs})


def _client_errors() -> Iterator[SoakRequest]:
    """Yield one request for each kind of client error."""
    pair = {"user_id": 1, "movie_id": 1193}
    yield _post("errors", "/predict", pair | {"user_id": "nobody"}, 404)
    yield _post("errors", "/predict", pair | {"model": "nothing"}, 404)
    yield _post("errors", "/predict", pair | {"user_id": True}, 422)
    yield _post("errors", "/predict", pair | {"more": 1}, 422)
    yield SoakRequest("errors", "POST", "/predict", b'{"user_id": 1, ', status=400)
    yield SoakRequest(
        "errors", "POST", "/predict", b'{"user_id": 1, "user_id": 1, "movie_id": 1}', status=400
    )
    yield SoakRequest("errors", "POST", "/predict", b"user_id=1", "text/plain", 415)
    yield SoakRequest("errors", "POST", "/predict/batch", b"no stream", ARROW, 400)
    yield SoakRequest("errors", "GET", "/predict/", status=404)
    yield SoakRequest("errors", "DELETE", "/models", status=405)
    yield SoakRequest("errors", "GET", "/recommend?user_id=1&n=0", status=422)
    many = {"user_ids": [1] * (MAX_BATCH + 1), "movie_ids": [1] * (MAX_BATCH + 1)}
    yield _post("errors", "/predict/batch", many, 413)
    yield _post("errors", "/predict/new-user", {"ratings": [{"movie_id": 1, "rating": 6}]}, 422)
