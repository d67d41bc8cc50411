"""Measure batches: 10,000 pairs in every form, JSON compared with the floor, and 100,000 as Arrow streams.

The forms are JSON and Arrow streams of `/predict/batch`, and binary tensors of `/v2/models/{name}/infer`.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from tritonclient.http import InferenceServerClient, InferInput

from app.http.inference import JSON_LENGTH
from app.scoring.loading import load_registry
from app.settings import load_settings
from benchmarks.harness import Served, app_command, floor_command, load, median, report, served, spread

PAIRS, ARROW_PAIRS = 10_000, 100_000
ARROW = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True)
class Form:
    """A request in one form."""

    name: str
    model: str
    pairs: int
    path: str
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--models", nargs="+", default=["baseline", "compact"])
    arguments = parser.parse_args()
    users, movies = pairs(arguments.models[0])
    floor_form = Form("JSON", "floor", PAIRS, "/predict/batch", columns(users, movies))
    rounds: dict[tuple[str, str, int], list[dict[str, float]]] = {}
    with served(floor_command()) as floor, served(app_command()) as ours:
        for _ in range(arguments.rounds):
            _one_round(rounds, floor_form, floor, arguments.seconds)
            for model in arguments.models:
                for form in forms(model, users, movies):
                    _one_round(rounds, form, ours, arguments.seconds)
    base = rounds["JSON", "floor", PAIRS]
    report("batch", "batches, one worker", [_row(key, own, base, rounds) for key, own in rounds.items()])


def forms(model: str, users: list[str], movies: list[str]) -> list[Form]:
    """Return the pairs in each form."""
    found = [Form("JSON", model, PAIRS, "/predict/batch", columns(users, movies, model=model))]
    numbers = [np.array([int(one.split("_")[1]) for one in ids]) for ids in (users, movies)]
    for kind, ids in (("text", (users, movies)), ("numbers", numbers)):
        first = [one[:PAIRS] for one in ids]
        path = f"/predict/batch?model={model}"
        found.append(Form(f"Arrow, {kind}", model, PAIRS, path, stream(*first), ARROW))
        body, length = tensors(*first)
        headers = {JSON_LENGTH: str(length)}
        path = f"/v2/models/{model}/infer"
        found.append(Form(f"tensors, {kind}", model, PAIRS, path, body, "application/octet-stream", headers))
    path, body = f"/predict/batch?model={model}", stream(*numbers)
    found.append(Form("Arrow, text", model, ARROW_PAIRS, path, stream(users, movies), ARROW))
    found.append(Form("Arrow, numbers", model, ARROW_PAIRS, path, body, ARROW))
    found.extend(
        Form(f"Arrow, numbers, {more}", model, ARROW_PAIRS, f"{path}&{more}", body, ARROW)
        for more in ("interval=0.8", "distribution=true")
    )
    return found


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
    rounds: dict[tuple[str, str, int], list[dict[str, float]]], form: Form, server: Served, seconds: int
) -> None:
    before = server.cpu_seconds()
    found = load(server.port, seconds, form.path, [form.body], form.content_type, form.headers)
    found["cpu_ms"] = 1e3 * (server.cpu_seconds() - before) / (found["rate"] * seconds)
    rounds.setdefault((form.name, form.model, form.pairs), []).append(found)


def _row(
    key: tuple[str, str, int],
    own: list[dict[str, float]],
    base: list[dict[str, float]],
    rounds: Mapping[tuple[str, str, int], list[dict[str, float]]],
) -> dict[str, Any]:
    form, model, pairs = key
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
    if pairs == PAIRS and model != "floor":
        json_cpu = median([one["cpu_ms"] for one in rounds["JSON", model, PAIRS]])
        row["CPU of JSON's"] = f"{cpu / json_cpu:.2f}"
    return row


def tensors(users: Any, movies: Any) -> tuple[bytes, int]:
    """Return a body with binary tensors as `tritonclient` sends it, and the length of its JSON."""
    inputs = []
    for name, ids in (("user_id", users), ("movie_id", movies)):
        array = np.array(ids, object) if isinstance(ids, list) else ids
        tensor = InferInput(name, array.shape, "BYTES" if array.dtype == object else "INT64")
        inputs.append(tensor.set_data_from_numpy(array))
    body, length = InferenceServerClient.generate_request_body(inputs)
    return body, int(length)


def stream(users: Any, movies: Any) -> bytes:
    """Return an Arrow stream with all pairs."""
    table = pa.table({"user_id": users, "movie_id": movies})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


if __name__ == "__main__":
    main()
