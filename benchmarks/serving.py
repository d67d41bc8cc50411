"""`/predict` against the floor and against peers: one worker, 16 connections, alternating rounds."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any, Final

from benchmarks.harness import Served, app_command, floor_command, load, median, report, served, spread, wrk
from benchmarks.peers import PEERS, peer_command

SCRIPT: Final = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
math.randomseed(1)
request = function()
  return wrk.format(nil, "{path}", nil,
    string.format('{body}', math.random(1, 6040)))
end
"""
BODY: Final = '{"user_id":"user_%d","movie_id":"movie_1193"}'


def one_round(server: Served, seconds: float, path: str = "/predict", body: str = BODY) -> dict[str, float]:
    """Figures of one round, processor time a request among them: it drifts less than rates do."""
    before = server.cpu_seconds()
    found = wrk(server.port, seconds, SCRIPT.replace("{path}", path).replace("{body}", body))
    if found is None:
        bodies = [(body % user).encode() for user in range(1, 6041, 7)]
        found = load(server.port, seconds, path, bodies, "application/json")
    found["cpu_us"] = 1e6 * (server.cpu_seconds() - before) / (found["rate"] * seconds)
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="install and run the peers, which takes minutes")
    arguments = parser.parse_args()
    commands = {"floor": floor_command(), "ours": app_command()}
    shapes: dict[str, tuple[str, str]] = {}
    if arguments.peers:
        for name, peer in PEERS.items():
            command = peer_command(name)
            if command is not None:
                commands[name] = command
                shapes[name] = (peer.path, peer.body)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    with contextlib.ExitStack() as stack:
        servers: dict[str, Served] = {}
        for name, command in commands.items():
            ready = PEERS[name].ready if name in PEERS else "/readyz"
            try:
                servers[name] = stack.enter_context(served(command, ready))
            except RuntimeError as error:
                print(f"{name} is left out: {error}")
        for _ in range(arguments.rounds):
            for name, server in servers.items():
                rounds[name].append(one_round(server, arguments.seconds, *shapes.get(name, ())))
    report("serving", "POST /predict, one worker, 16 connections", _rows(rounds))


def _rows(rounds: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    floor = rounds["floor"]
    rows = []
    for name, own in rounds.items():
        if not own:
            continue
        ratios = [one["rate"] / base["rate"] for one, base in zip(own, floor, strict=True)]
        cpu = median([base["cpu_us"] for base in floor]) / median([one["cpu_us"] for one in own])
        p99 = [one["p99"] / base["p99"] for one, base in zip(own, floor, strict=True)]
        rows.append(
            {
                "server": name,
                "requests/s": spread([one["rate"] for one in own]),
                "of floor": spread(ratios),
                "of floor by CPU": f"{cpu:.2f}",
                "CPU us": spread([one["cpu_us"] for one in own]),
                "p50 ms": spread([one["p50"] for one in own]),
                "p99 ms": spread([one["p99"] for one in own]),
                "p99 of floor's": f"{median(p99):.2f}",
                "failed": int(sum(one["failed"] for one in own)),
            }
        )
    return rows


if __name__ == "__main__":
    main()
