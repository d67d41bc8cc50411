"""Verify the errors and bytes of the shipped models from outside, with a request for every test row.

    python -m benchmarks.reevaluate --data ../ml-1m

The error must agree with the manifest in two ways: as computed by `POST /compare`, and as computed here from
the ratings that `POST /predict/batch` returns with the fallback. The bytes that `/models` reports must be
those of the arrays in the model files, read with zipfile and h5py only.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from benchmarks.harness import REPOSITORY, app_command, report, served
from training.data.readers.ratings import load_ratings
from training.data.split import split_ratings
from training.data.table import RatingsTable

PAIRS: Final = 20_000
TOLERANCE: Final = 1e-4
_LOOKUPS: Final = ("user_lookup", "movie_lookup")


def main() -> int:
    """Request predictions, compare and report.

    Returns:
        The exit code: 1 if anything differs, otherwise 0.
    """
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--data", type=Path, required=True, help="the ratings that the models were trained on"
    )
    options.add_argument("--store", type=Path, default=REPOSITORY / "models_store")
    arguments = options.parse_args()
    table = load_ratings(arguments.data)
    rows = split_ratings(table, "random", 0).test
    with served(app_command(), store=arguments.store.resolve()) as server:
        models = {one["name"]: one for one in _get(server.port, "/models")["models"]}
        found = _errors(server.port, list(models), table, rows)
    lines = [
        _line(model, found[name], rows.size, arguments.store / name / "model.keras")
        for name, model in models.items()
    ]
    report("reevaluate", f"Errors over {rows.size} test rows of {table.name}, and bytes", lines)
    return 0 if all(line["agrees"] for line in lines) else 1


def _errors(port: int, names: list[str], table: RatingsTable, rows: Any) -> dict[str, dict[str, float]]:
    """Return the mean squared errors by model and endpoint, and the number of cold rows."""
    sums = {name: {"compare": 0.0, "batch": 0.0, "cold": 0.0} for name in names}
    for users, movies, stars in _blocks(table, rows):
        labelled = [
            {"user_id": user, "movie_id": movie, "rating": rating}
            for user, movie, rating in zip(users, movies, stars.tolist(), strict=True)
        ]
        for one in _post(port, "/compare", {"pairs": labelled})["models"]:
            sums[one["name"]]["compare"] += one["mse"] * one["rows"]
            sums[one["name"]]["cold"] += one["cold_rows"]
        for name in names:
            body = {"user_ids": users, "movie_ids": movies, "model": name, "on_unknown": "fallback"}
            rated = np.array(_post(port, "/predict/batch", body)["ratings"])
            sums[name]["batch"] += float(np.sum((rated - stars) ** 2))
    for own in sums.values():
        own["compare"] /= rows.size
        own["batch"] /= rows.size
    return sums


def _blocks(table: RatingsTable, rows: Any) -> Iterator[tuple[list[str], list[str], Any]]:
    for start in range(0, rows.size, PAIRS):
        block = rows[start : start + PAIRS]
        yield (
            [table.users[int(index)] for index in table.user_index[block]],
            [table.movies[int(index)] for index in table.movie_index[block]],
            table.ratings[block].astype(np.float64),
        )


def _line(model: dict[str, Any], found: dict[str, float], rows: int, file: Path) -> dict[str, Any]:
    stated, memory = model["accuracy"], model["memory"]
    weights, ids = _array_bytes(file)
    difference = max(abs(found[call] - stated["mse"]) for call in ("compare", "batch"))
    sizes = {
        "weights": (memory["weights_bytes"], weights),
        "ids": (memory["vocabulary_bytes"], ids),
        "file": (memory["file_bytes"], file.stat().st_size),
    }
    return {
        "model": model["name"],
        "stated MSE": f"{stated['mse']:.6f}",
        "by /compare": f"{found['compare']:.6f}",
        "by /predict/batch": f"{found['batch']:.6f}",
        "cold rows": int(found["cold"]),
        **{
            f"{what} bytes": reported if reported == counted else f"{reported}, counted {counted}"
            for what, (reported, counted) in sizes.items()
        },
        "agrees": difference < TOLERANCE
        and stated["test_rows"] == rows
        and all(reported == counted for reported, counted in sizes.values()),
    }


def _array_bytes(file: Path) -> tuple[int, int]:
    """Return the bytes of the weights and of the ids in a model file."""
    sums = {"weights": 0, "ids": 0}
    with zipfile.ZipFile(file) as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))

    def count(_path: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            # An attribute of the enclosing group has the name of the layer.
            names = [node.parent.attrs.get("name"), node.parent.parent.attrs.get("name")]
            sums["ids" if any(name in _LOOKUPS for name in names) else "weights"] += node.nbytes

    with h5py.File(weights) as arrays:
        arrays.visititems(count)
    return sums["weights"], sums["ids"]


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def _post(port: int, path: str, body: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
