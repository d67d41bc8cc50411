"""Measure how start, memory and throughput grow with the tables, on synthetic 8-bit models."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from benchmarks.harness import REPOSITORY, app_command, load, median, report, served
from training.artefact import open_artefact
from training.artefact.files import align_archive
from training.artefact.writer import file_record

DIM: Final = 16
MIB: Final = 1024 * 1024
_SHIPPED: Final = REPOSITORY / "models_store/baseline"
_OWN_MODULES: Final = {
    "IdLookup": "training.layers.id_lookup",
    "PackedEmbedding": "training.layers.packed_embedding",
    "RatingHead": "training.layers.rating_head",
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="*", default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        small = make_store(Path(folder) / "small", 10_000, 4_000)
        for users in arguments.users:
            movies = max(4_000, users // 10)
            store = make_store(Path(folder) / str(users), users, movies)
            starts = []
            with served(app_command(), store=small) as base, served(app_command(), store=store) as own:
                starts.append(own.seconds)
                ready = own.memory()
                rates = []
                for _ in range(arguments.rounds):
                    pair = [
                        load(
                            server.port,
                            arguments.seconds,
                            "/predict",
                            _bodies(count, many),
                            "application/json",
                        )
                        for server, count, many in ((base, 10_000, 4_000), (own, users, movies))
                    ]
                    rates.append(pair[1]["rate"] / pair[0]["rate"])
                after = own.memory()
            for _ in range(arguments.rounds - 1):
                with served(app_command(), store=store) as again:
                    starts.append(again.seconds)
            rows.append(
                {
                    "users": users,
                    "movies": movies,
                    "file MB": round((store / "baseline" / "model.keras").stat().st_size / 1e6),
                    "ready s": f"{median(starts):.2f}",
                    "anonymous MiB": round(ready["Anonymous"] / MIB),
                    "after load MiB": round(after["Anonymous"] / MIB),
                    "RSS MiB": round(after["Rss"] / MIB),
                    "requests/s of the small one's": f"{median(rates):.2f}",
                }
            )
            shutil.rmtree(store)
    report("growth", "Growth of a packed model, one worker", rows)


def make_store(store: Path, users: int, movies: int) -> Path:
    """Create a store with one model: random tables of 16 dimensions, ids in random order, and biases."""
    folder = store / "baseline"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    sizes = {"user": users, "movie": movies}
    h5 = folder / "weights.h5"
    layers: list[dict[str, Any]] = []
    with h5py.File(h5, "w") as file:
        # Keras numbers the layers of a class from the second on; their own names are in the configuration.
        for number, (side, count) in zip(("", "_1"), sizes.items(), strict=True):
            numbers = random.permutation(count).astype(np.uint32) + 1
            _layer(file, f"id_lookup{number}", numbers=numbers)
            _layer(
                file,
                f"packed_embedding{number}",
                codes=random.integers(0, 256, count * DIM, dtype=np.uint8),
                widths=np.full((1, DIM), 8, np.uint8),
                steps=np.full((1, DIM), 0.004, np.float16),
            )
            _layer(file, f"embedding{number}", **{"0": np.zeros((count, 1), np.float32)})
            layers += [
                _config("InputLayer", f"{side}_id"),
                _config(
                    "IdLookup", f"{side}_lookup", [f"{side}_id"], prefix=f"{side}_", size=count, warm=count
                ),
                _config(
                    "PackedEmbedding",
                    f"{side}_embedding",
                    [f"{side}_lookup"],
                    num_embeddings=count,
                    block_sizes=[count],
                    columns=DIM,
                    code_bytes=count * DIM,
                    ones_at=None,
                ),
                _config("Embedding", f"{side}_bias", [f"{side}_lookup"], input_dim=count, output_dim=1),
            ]
        _layer(file, "rating_head", **{"0": np.float32(0.5)})
    inputs = ["user_embedding", "movie_embedding", "user_bias", "movie_bias"]
    layers.append(_config("RatingHead", "rating", inputs, global_bias=True))
    config = {
        "class_name": "Functional",
        "module": "keras",
        "registered_name": None,
        "config": {"layers": layers},
    }
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(h5, "model.weights.h5")
    h5.unlink()
    align_archive(folder / "model.keras")
    manifest = json.loads((_SHIPPED / "manifest.json").read_text(encoding="utf-8"))
    record = file_record(folder / "model.keras")
    tables: list[dict[str, Any]] = [
        {"name": f"{side}_{part}", "shape": shape, "dtype": dtype, "parameters": 0, "bytes": size}
        for side, count in sizes.items()
        for part, shape, dtype, size in (
            ("embedding/codes", [count * DIM], "uint8", count * DIM),
            ("embedding/widths", [1, DIM], "uint8", DIM),
            ("embedding/steps", [1, DIM], "float16", 2 * DIM),
            ("bias/embeddings", [count, 1], "float32", 4 * count),
        )
    ]
    tables.append(
        {"name": "rating/global_bias", "shape": [], "dtype": "float32", "parameters": 1, "bytes": 4}
    )
    for name in ("ranking_file", "ranking", "uncertainty_file"):
        # They fit the shipped ids only.
        manifest.pop(name, None)
    manifest |= {
        "model_file": record.model_dump(),
        "movies_file": None,
        "fallback": {"kind": "biases"},
        "weights_bytes": sum(table["bytes"] for table in tables),
        "parameters": {"total": 1, "trainable": 1, "tables": tables},
        "vocabulary": {
            f"{side}s": {"size": count, "warm": count, "prefix": f"{side}_", "bytes": 4 * count}
            for side, count in sizes.items()
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    open_artefact(folder)
    return store


def _layer(file: h5py.File, group: str, **arrays: Any) -> None:
    variables = file.create_group(f"layers/{group}/vars")
    for key, array in arrays.items():
        variables.create_dataset(key, data=array)


def _config(class_name: str, name: str, inputs: list[str] | None = None, **config: Any) -> dict[str, Any]:
    own = _OWN_MODULES.get(class_name)
    arguments = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [other, 0, 0]}}
        for other in inputs or ()
    ]
    return {
        "module": own or "keras.layers",
        "class_name": class_name,
        "registered_name": f"stars>{class_name}" if own else None,
        "name": name,
        "config": {"name": name, "dtype": "float32", **config},
        "inbound_nodes": [{"args": arguments, "kwargs": {}}] if inputs else [],
    }


def _bodies(users: int, movies: int) -> list[bytes]:
    random = np.random.default_rng(2)
    pairs = zip(random.integers(1, users + 1, 5000), random.integers(1, movies + 1, 5000), strict=True)
    return [f'{{"user_id":{user},"movie_id":{movie}}}'.encode() for user, movie in pairs]


if __name__ == "__main__":
    main()
