"""Compare `/predict` with the floor and with peers: one worker, 16 connections, alternating rounds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.scoring.loading import load_registry
from app.settings import load_settings
from benchmarks.harness import Served, app_command, floor_command, load, median, report, served, spread, wrk
from benchmarks.peers import BASELINE_BODY, PEERS, PeerUnavailableError, check_rating, peer_command

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
OURS: Final = "ours, baseline"


@dataclass(frozen=True)
class Target:
    """A server and the request to send to it."""

    server: Served
    path: str = "/predict"
    body: str = BODY

    def one_round(self, seconds: float) -> dict[str, float]:
        """Measure one round, including the CPU time per request, which varies less than the rate."""
        before = self.server.cpu_seconds()
        script = SCRIPT.replace("{path}", self.path).replace("{body}", self.body)
        found = wrk(self.server.port, seconds, script)
        if found is None:
            bodies = [(self.body % user).encode() for user in range(1, 6041, 7)]
            found = load(self.server.port, seconds, self.path, bodies, "application/json")
        found["cpu_us"] = 1e6 * (self.server.cpu_seconds() - before) / (found["rate"] * seconds)
        return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="install and run the peers, which takes minutes")
    arguments = parser.parse_args()
    default = load_registry(load_settings()).default
    rows: list[dict[str, Any]] = []
    with served(floor_command()) as floor, served(app_command()) as ours:
        targets = {
            "floor": Target(floor),
            f"ours, {default}": Target(ours),
            OURS: Target(ours, body=BASELINE_BODY),
        }
        rows += _rows(_measured(targets, arguments.rounds, arguments.seconds))
        # One peer at a time next to the two: some use a CPU core even when idle.
        for name, peer in PEERS.items() if arguments.peers else ():
            try:
                with served(peer_command(name), peer.ready) as server:
                    check_rating(name, server.port, ours.port)
                    targets = {
                        "floor": Target(floor),
                        OURS: Target(ours, body=BASELINE_BODY),
                        name: Target(server, peer.path, peer.body),
                    }
                    rows.append(_rows(_measured(targets, arguments.rounds, arguments.seconds))[-1])
            except (PeerUnavailableError, RuntimeError) as error:
                print(f"{name} is left out: {error}", flush=True)
                rows.append({"server": name, "requests/s": f"left out: {error}"})
    report("serving", "POST /predict, one worker, 16 connections", rows)


def _measured(
    targets: Mapping[str, Target], rounds: int, seconds: float
) -> dict[str, list[dict[str, float]]]:
    """Measure alternating rounds; the first round only warms up."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
    for number in range(rounds + 1):
        for name, one in targets.items():
            figures = one.one_round(seconds if number else 1)
            if number:
                found[name].append(figures)
    return found


def _rows(rounds: Mapping[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    floor, ours = rounds["floor"], rounds[OURS]
    rows = []
    for name, own in rounds.items():
        ratios = [one["rate"] / base["rate"] for one, base in zip(own, floor, strict=True)]
        to_ours = [one["rate"] / base["rate"] for one, base in zip(ours, own, strict=True)]
        cpu = median([base["cpu_us"] for base in floor]) / median([one["cpu_us"] for one in own])
        p99 = [one["p99"] / base["p99"] for one, base in zip(own, floor, strict=True)]
        rows.append(
            {
                "server": name,
                "requests/s": spread([one["rate"] for one in own]),
                "of floor": spread(ratios),
                "of floor by CPU": f"{cpu:.2f}",
                "ours to it": f"{median(to_ours):.2f}",
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
