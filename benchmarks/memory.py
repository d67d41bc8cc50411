"""Measure the proportional memory of the service after scoring with every model, and the bytes per model."""

from __future__ import annotations

from typing import Any

from app.scoring.loading import load_registry
from app.settings import load_settings
from benchmarks.harness import app_command, load, report, served

MIB = 1024 * 1024


def main() -> None:
    """Measure and report."""
    rows: list[dict[str, Any]] = []
    settings = load_settings()
    registry = load_registry(settings)
    bodies = [
        f'{{"user_id":{user},"movie_id":1193,"model":"{name}"}}'.encode()
        for name in registry.models
        for user in range(1, 6041, 5)
    ]
    for workers in (1, 2, 4):
        with served(app_command(), workers=workers) as server:
            load(server.port, 2, "/predict", bodies, "application/json")
            found = server.memory()
            rows.append(
                {
                    "workers": workers,
                    "processes": len(server.pids()),
                    "PSS MiB": round(found["Pss"] / MIB, 1),
                    "PSS MiB per worker": round(found["Pss"] / MIB / workers, 1),
                    "anonymous MiB": round(found["Anonymous"] / MIB, 1),
                }
            )
    report("memory", "The service's memory after scoring with every model", rows)
    models = []
    for name, model in registry.models.items():
        weights = model.scorer.manifest.weights_bytes
        rest = model.scorer.resident_bytes - weights
        allowed = max(weights // 2, 512 * 1024)
        models.append({"model": name, "weights": weights, "rest": rest, "allowed": allowed})
    report("memory_models", "Bytes per model: weights, and all other arrays of the model", models)


if __name__ == "__main__":
    main()
