"""Measure the cost of each middleware around `/predict` in microseconds per request, without a socket."""

from __future__ import annotations

import argparse
import asyncio
import logging
import logging.config
import os
import time
from collections.abc import Callable
from hashlib import sha256

import numpy as np
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.auth import ApiKeyMiddleware, Keys
from app.observability.access_log import AccessLog
from app.observability.logging import logging_config
from app.observability.metrics.counters import Counters
from app.observability.metrics.rating_counters import ModelCounter
from benchmarks.harness import report, spread

KEY = "a-key-of-twenty-characters"
HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"some client"),
    (b"accept", b"*/*"),
    (b"authorization", b"Bearer " + KEY.encode()),
    (b"content-type", b"application/json"),
    (b"content-length", b"44"),
]

SCOPE = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "headers": HEADERS}


async def respond(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Send a response of the usual form and do nothing else."""
    headers = [(b"content-length", b"117"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 117})


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: Message) -> None:
    pass


async def _time(app: ASGIApp, requests: int) -> float:
    start = time.perf_counter()
    for _ in range(requests):
        await app({**SCOPE}, _receive, _send)
    return 1e6 * (time.perf_counter() - start) / requests


def _log(level: str, log_format: str) -> None:
    config = logging_config(level, log_format)
    nowhere = {"class": "logging.FileHandler", "filename": os.devnull, "formatter": "line"}
    config["handlers"]["stdout"] = nowhere
    logging.config.dictConfig(config)


def _count_pairs(requests: int) -> float:
    counter = ModelCounter()
    start = time.perf_counter()
    for _ in range(requests // 1000):
        for _ in range(1000):
            counter.one(4.323609)
        counter.add_up()
    return 1e6 * (time.perf_counter() - start) / requests


def _batch(pairs: int) -> float:
    counter, stars = ModelCounter(), np.random.default_rng(0).uniform(0, 5, pairs).astype(np.float32)
    known = np.ones(pairs, np.bool_)
    start = time.perf_counter()
    for _ in range(20):
        counter.many(stars, known)
    counter.add_up()
    return 1e6 * (time.perf_counter() - start) / 20


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=20_000)
    arguments = parser.parse_args()
    keys = Keys(reading=tuple(sha256(key).digest() for key in (KEY.encode(), b"another")))
    layers: dict[str, tuple[str, Callable[[], ASGIApp]]] = {
        "bare": ("warning", lambda: respond),
        "API keys, two keys": ("warning", lambda: ApiKeyMiddleware(respond, keys)),
        "ids and headers": ("warning", lambda: AccessLog(respond)),
        "ids, headers, metrics": ("warning", lambda: AccessLog(respond, Counters())),
        "ids, headers, text log": ("text", lambda: AccessLog(respond)),
        "ids, headers, JSON log": ("json", lambda: AccessLog(respond)),
    }
    found: dict[str, list[float]] = {
        name: [] for name in [*layers, "a rated pair counted", "10,000 pairs counted"]
    }
    for _ in range(arguments.rounds):
        for name, (log, layer) in layers.items():
            _log("warning" if log == "warning" else "info", "json" if log == "json" else "text")
            found[name].append(asyncio.run(_time(layer(), arguments.requests)))
        found["a rated pair counted"].append(_count_pairs(arguments.requests))
        found["10,000 pairs counted"].append(_batch(10_000))
    bare = min(found["bare"])
    rows = [
        {"layer": name, "us": spread(times), "above bare": f"{min(times) - bare * (name in layers):.2f}"}
        for name, times in found.items()
    ]
    report("layers", "Microseconds per request, in process", rows)


if __name__ == "__main__":
    main()
