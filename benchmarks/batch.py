"""`/predict/batch`: 10,000 pairs as JSON against reading and writing that JSON alone; and Arrow streams."""

from __future__ import annotations

import argparse
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa

from app.scoring.loading import load_registry
from app.settings import load_settings
from benchmarks.harness import app_command, floor_command, load, median, report, served, spread

PAIRS, ARROW_PAIRS = 10_000, 100_000
ARROW = "application/vnd.apache.arrow.stream"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    arguments = parser.parse_args()
    scorer = load_registry(load_settings()).get().scorer
    random = np.random.default_rng(1)
    users = [scorer.users[i] for i in random.integers(0, scorer.users.warm, ARROW_PAIRS).tolist()]
    movies = [scorer.movies[i] for i in random.integers(0, scorer.movies.warm, ARROW_PAIRS).tolist()]
    columns = json.dumps({"user_ids": users[:PAIRS], "movie_ids": movies[:PAIRS]}).encode()
    numbers = [np.array([int(one.split("_")[1]) for one in ids]) for ids in (users, movies)]
    streams = {"Arrow, text": _stream(users, movies), "Arrow, numbers": _stream(*numbers)}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in ("floor", "ours", *streams)}
    with served(floor_command()) as floor, served(app_command()) as ours:
        for _ in range(arguments.rounds):
            for name, server in (("floor", floor), ("ours", ours)):
                before = server.cpu_seconds()
                found = load(server.port, arguments.seconds, "/predict/batch", [columns], "application/json")
                calls = found["rate"] * arguments.seconds
                found["cpu_ms"] = 1e3 * (server.cpu_seconds() - before) / calls
                rounds[name].append(found)
            for name, body in streams.items():
                rounds[name].append(load(ours.port, arguments.seconds, "/predict/batch", [body], ARROW))
    base = rounds["floor"]
    rows: list[dict[str, Any]] = []
    for name in ("floor", "ours"):
        own = rounds[name]
        ratios = [b["rate"] / o["rate"] for o, b in zip(own, base, strict=True)]
        cpu = median([one["cpu_ms"] for one in own])
        rows.append(
            {
                "form": f"JSON, {name}",
                "pairs a call": PAIRS,
                "calls/s": spread([one["rate"] for one in own]),
                "pairs/s": f"{median([one['rate'] for one in own]) * PAIRS:.3g}",
                "times the floor": spread(ratios),
                "CPU ms": f"{cpu:.2f}",
                "CPU of floor's": f"{cpu / median([one['cpu_ms'] for one in base]):.2f}",
                "failed": int(sum(one["failed"] for one in own)),
            }
        )
    for name in streams:
        rate = median([one["rate"] for one in rounds[name]])
        rows.append(
            {
                "form": name,
                "pairs a call": ARROW_PAIRS,
                "calls/s": spread([one["rate"] for one in rounds[name]]),
                "pairs/s": f"{rate * ARROW_PAIRS:.3g}",
                "failed": int(sum(one["failed"] for one in rounds[name])),
            }
        )
    report("batch", "POST /predict/batch, one worker", rows)


def _stream(users: Any, movies: Any) -> bytes:
    table = pa.table({"user_id": users, "movie_id": movies})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


if __name__ == "__main__":
    main()
