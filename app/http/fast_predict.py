"""A fast path for `POST /predict` that bypasses the framework.

It handles only plain requests: a small valid JSON object with a pair that the model knows. Everything else,
including every error, is passed unchanged to the route. Both use the same validation functions, and a test
checks that both return the same bytes.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, Final, get_args

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.contract.errors import Stopping
from app.contract.ids import check_id
from app.contract.limits import Limits
from app.contract.problems import problem
from app.contract.schemas.requests import PredictRequest, SpreadRequest
from app.scoring.registry import Registry

PATH: Final = "/predict"
# Replaces the route that the router would have set, for metrics and traces.
ROUTE: Final = SimpleNamespace(path=PATH)
# Longer bodies are left to the route.
MAX_BYTES: Final = 2048
_MAX_LENGTH_DIGITS: Final = len(str(MAX_BYTES))
# Requests for an interval or a distribution are left to the route.
_FIELDS: Final = frozenset(PredictRequest.model_fields) - frozenset(SpreadRequest.model_fields)
_ON_UNKNOWN: Final = frozenset(get_args(PredictRequest.model_fields["on_unknown"].annotation))
_DEFAULT_ON_UNKNOWN: Final = PredictRequest.model_fields["on_unknown"].default


class FastPredict:
    """Answer plain requests of `POST /predict`, and forward all others unchanged."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._max_bytes = min(limits.max_body_bytes, MAX_BYTES)
        self._max_id_length = limits.max_id_length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"] != PATH or not _is_plain(scope):
            await self.app(scope, receive, send)
            return
        try:
            message = await receive()
        except asyncio.CancelledError:
            # As `AnswerAtShutdown` does for all other requests.
            scope["route"] = ROUTE
            await problem(Stopping())(scope, receive, send)
            return
        if message["type"] == "http.request" and not message.get("more_body", False):
            answer = self._answer(scope["state"]["live"].registry, message.get("body", b""))
            if answer is not None:
                scope["route"] = ROUTE
                headers = [
                    (b"content-length", b"%d" % len(answer)),
                    (b"content-type", b"application/json"),
                ]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": answer})
                return
        pending = [message]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, replay, send)

    def _answer(self, registry: Registry, body: bytes) -> bytes | None:
        """Return the body of the response, or None if the route must handle the request."""
        if len(body) > self._max_bytes or b"\\" in body:
            return None
        try:
            fields: Any = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if type(fields) is not dict or not fields.keys() <= _FIELDS:
            return None
        texts = len(fields)
        for value in fields.values():
            if type(value) is str:
                texts += 1
            elif type(value) is not int:
                return None
        # Without backslashes, each string has two quotes. Additional quotes belong to a duplicate key.
        if body.count(b'"') != 2 * texts:
            return None
        if fields.get("on_unknown", _DEFAULT_ON_UNKNOWN) not in _ON_UNKNOWN:
            return None
        model = registry.models.get(fields.get("model", registry.default))
        if model is None:
            return None
        try:
            user_id = check_id(fields["user_id"], self._max_id_length)
            movie_id = check_id(fields["movie_id"], self._max_id_length)
        except (KeyError, ValueError):
            return None
        scorer = model.scorer
        rating = scorer.rate_known(user_id, movie_id)
        if rating is None:
            return None
        # The fields of `Prediction`, without the cost of creating one.
        return orjson.dumps(
            {
                "user_id": scorer.users.canonical(user_id),
                "movie_id": scorer.movies.canonical(movie_id),
                "model": scorer.name,
                "rating": rating,
                "known_user": True,
                "known_movie": True,
            }
        )


def _is_plain(scope: Scope) -> bool:
    """Whether it is a short uncompressed POST without a query whose type is exactly `application/json`."""
    if scope["method"] != "POST" or scope["query_string"] or "live" not in scope.get("state", ()):
        return False
    types = 0
    for name, value in scope["headers"]:
        if name == b"content-type":
            if value != b"application/json":
                return False
            types += 1
        elif name == b"content-encoding" or (name == b"content-length" and len(value) > _MAX_LENGTH_DIGITS):
            return False
    return types == 1
