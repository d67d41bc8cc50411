"""The floor: a bare Starlette application that parses and writes the same JSON and does nothing else.

It runs under the server class, the log configuration and the access log of the service, so that the
difference between the two is the work of the service alone.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.observability.access_log import AccessLog
from app.observability.logging import start_logging
from app.server import Server, bind_socket
from app.settings import load_settings


class JSON(Response):
    """A response whose body is already JSON."""

    media_type = "application/json"


async def predict(request: Request) -> Response:
    """Parse one pair and return a constant rating."""
    pair = orjson.loads(await request.body())
    answer = {
        "user_id": pair["user_id"],
        "movie_id": pair["movie_id"],
        "model": "baseline",
        "rating": 4.353605,
        "known_user": True,
        "known_movie": True,
    }
    return JSON(orjson.dumps(answer))


async def batch(request: Request) -> Response:
    """Parse two columns and return as many constant ratings."""
    columns = orjson.loads(await request.body())
    count = len(columns["user_ids"])
    return JSON(orjson.dumps({"model": "baseline", "ratings": RATINGS[:count], "cold": []}))


async def ready(_request: Request) -> Response:
    """Report ready."""
    return JSON(b'{"status":"ready"}')


RATINGS = np.round(np.random.default_rng(0).uniform(0, 5, 100_000), 6).tolist()


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, object]]:
    """Load nothing."""
    yield {}


app = Starlette(
    routes=[
        Route("/predict", predict, methods=["POST"]),
        Route("/predict/batch", batch, methods=["POST"]),
        Route("/readyz", ready),
    ],
    middleware=[Middleware(AccessLog)],
    lifespan=lifespan,
)


def main() -> None:
    """Serve until a signal stops the process."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    settings = load_settings()
    start_logging(settings.log_level, settings.log_format)
    listener: socket.socket = bind_socket(settings.host, settings.port)
    Server(app, settings).run([listener])


if __name__ == "__main__":
    main()
