"""Compare the service under uvicorn with granian: one worker, 16 connections, alternating rounds.

granian is installed in its own environment and imports the packages of the service from this one.
"""

from __future__ import annotations

import argparse
import logging.config
import sysconfig
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.main import create_app
from app.observability.logging import logging_config
from app.settings import load_settings
from benchmarks.harness import app_command, median, report, served, spread
from benchmarks.peers import PeerUnavailableError, peer_python
from benchmarks.serving import Target


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    try:
        command = granian_command()
    except PeerUnavailableError as error:
        print(f"granian is left out: {error}")
        return
    with served(app_command()) as uvicorn, served(command) as granian:
        targets = {"uvicorn": Target(uvicorn), "granian": Target(granian)}
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
        for _ in range(arguments.rounds):
            for name, one in targets.items():
                rounds[name].append(one.one_round(arguments.seconds))
        memory = {name: one.server.memory()["Pss"] / 2**20 for name, one in targets.items()}
    report("servers", "POST /predict of the service, one worker", _rows(rounds, memory))


def granian_command() -> list[str]:
    """Return the command for granian with one worker, one thread, the same event loop and our access log.

    Raises:
        PeerUnavailableError: granian cannot be installed.
    """
    python = peer_python("granian", "granian_ours")
    run = (
        f"PYTHONPATH={sysconfig.get_path('purelib')}:. exec {python} -m granian --interface asgi --factory "
        "--loop uvloop --workers 1 --runtime-mode st --no-ws --log-level warning --port $PORT "
        "benchmarks.servers:create_app_for_granian"
    )
    return ["sh", "-c", run]


def create_app_for_granian() -> ASGIApp:
    """Create the application with the logging of `python -m app`.

    granian marks the first chunk of every body as incomplete, which would disable the fast path of the
    service. In this benchmark every body is a single chunk, so the wrapper marks it as complete.
    """
    settings = load_settings()
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    app = create_app(settings)

    async def with_whole_bodies(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_whole() -> Message:
            message = await receive()
            message["more_body"] = False
            return message

        await app(scope, receive_whole if scope["type"] == "http" else receive, send)

    return with_whole_bodies


def _rows(rounds: dict[str, list[dict[str, float]]], memory: dict[str, float]) -> list[dict[str, Any]]:
    base = rounds["uvicorn"]
    p99 = {
        name: median([one["p99"] / other["p99"] for one, other in zip(own, base, strict=True)])
        for name, own in rounds.items()
    }
    return [
        {
            "server": name,
            "requests/s": spread([one["rate"] for one in own]),
            "of uvicorn": spread([one["rate"] / other["rate"] for one, other in zip(own, base, strict=True)]),
            "CPU us": spread([one["cpu_us"] for one in own]),
            "p99 ms": spread([one["p99"] for one in own]),
            "p99 of uvicorn's": f"{p99[name]:.2f}",
            "PSS MiB": f"{memory[name]:.1f}",
            "failed": int(sum(one["failed"] for one in own)),
        }
        for name, own in rounds.items()
    ]


if __name__ == "__main__":
    main()
