"""Measure `/predict/batch`: 10,000 pairs as JSON compared with the floor, and 100,000 as Arrow streams."""

from __future__ import annotations

import argparse
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa

from app.scoring.loading import load_registry
from app.settings import load_settings
from benchmarks.harness import Served, app_command, floor_command, load, median, report, served, spread

PAIRS, ARROW_PAIRS = 10_000, 100_000
ARROW = "application/vnd.apache.arrow.stream"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--models", nargs="+", default=["baseline", "compact"])
    arguments = parser.parse_args()
    users, movies = pairs(arguments.models[0])
    floor_body = columns(users, movies)
    numbers = [np.array([int(one.split("_")[1]) for one in ids]) for ids in (users, movies)]
    streams = {"text": stream(users, movies), "numbers": stream(*numbers)}
    rounds: dict[tuple[str, str], list[dict[str, float]]] = {}
    with served(floor_command()) as floor, served(app_command()) as ours:
        for _ in range(arguments.rounds):
            _one_round(rounds, ("JSON", "floor"), floor, arguments.seconds, floor_body)
            for model in arguments.models:
                body = columns(users, movies, model=model)
                _one_round(rounds, ("JSON", model), ours, arguments.seconds, body)
                for kind, body in streams.items():
                    _one_round(rounds, (f"Arrow, {kind}", model), ours, arguments.seconds, body)
    base = rounds["JSON", "floor"]
    report("batch", "POST /predict/batch, one worker", [_row(key, own, base) for key, own in rounds.items()])


def pairs(model: str) -> tuple[list[str], list[str]]:
    """Draw `ARROW_PAIRS` pairs of ids uniformly from those that the model knows."""
    scorer = load_registry(load_settings()).get(model).scorer
    random = np.random.default_rng(1)
    users, movies = (
        [ids[index] for index in random.integers(0, ids.warm, ARROW_PAIRS).tolist()]
        for ids in (scorer.users, scorer.movies)
    )
    return users, movies


def columns(users: list[str], movies: list[str], **more: str) -> bytes:
    """Return a JSON body with the first `PAIRS` pairs, in columns."""
    return json.dumps({"user_ids": users[:PAIRS], "movie_ids": movies[:PAIRS], **more}).encode()


def _one_round(
    rounds: dict[tuple[str, str], list[dict[str, float]]],
    key: tuple[str, str],
    server: Served,
    seconds: int,
    body: bytes,
) -> None:
    form, model = key
    arrow = form.startswith("Arrow")
    path = f"/predict/batch?model={model}" if arrow else "/predict/batch"
    before = server.cpu_seconds()
    found = load(server.port, seconds, path, [body], ARROW if arrow else "application/json")
    found["cpu_ms"] = 1e3 * (server.cpu_seconds() - before) / (found["rate"] * seconds)
    rounds.setdefault(key, []).append(found)


def _row(key: tuple[str, str], own: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, Any]:
    form, model = key
    pairs = PAIRS if form == "JSON" else ARROW_PAIRS
    cpu = median([one["cpu_ms"] for one in own])
    row = {
        "form": form,
        "model": model,
        "pairs per call": pairs,
        "calls/s": spread([one["rate"] for one in own]),
        "pairs/s": f"{median([one['rate'] for one in own]) * pairs:.3g}",
        "CPU ms": f"{cpu:.2f}",
        "failed": int(sum(one["failed"] for one in own)),
    }
    if form == "JSON":
        row["times the floor"] = spread([b["rate"] / o["rate"] for o, b in zip(own, base, strict=True)])
        row["CPU of floor's"] = f"{cpu / median([one['cpu_ms'] for one in base]):.2f}"
    return row


def stream(users: Any, movies: Any) -> bytes:
    """Return an Arrow stream with all pairs."""
    table = pa.table({"user_id": users, "movie_id": movies})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


if __name__ == "__main__":
    main()
