"""Top-N over all movies against the matrix-vector product and partial sort alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from app.scoring.loading import load_registry
from app.settings import load_settings
from benchmarks.harness import median, report, spread

N = 10


def main() -> None:
    """Measure and report."""
    rows = []
    for name, model in load_registry(load_settings()).models.items():
        scorer = model.scorer
        movies = scorer.movies.warm
        dim = int(scorer.manifest.settings.get("embedding_dim", 64))
        matrix = np.random.default_rng(0).normal(size=(movies, dim)).astype(np.float32)
        vector = matrix[0].copy()

        def floor(matrix: np.ndarray = matrix, vector: np.ndarray = vector) -> object:
            found = matrix @ vector
            return np.argpartition(found, found.size - N)[-N:]

        def ours(scorer: object = scorer) -> object:
            return scorer.top("user_1", N)  # type: ignore[attr-defined]

        pairs = [(_microseconds(floor), _microseconds(ours)) for _ in range(15)]
        rows.append(
            {
                "model": name,
                "movies": movies,
                "floor us": spread([base for base, _ in pairs]),
                "ours us": spread([own for _, own in pairs]),
                "ratio": f"{median([own / base for base, own in pairs]):.2f}",
            }
        )
    report("top", f"The {N} best of all movies, against product and partial sort alone", rows)


def _microseconds(call: Callable[[], object], repeats: int = 200) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return 1e6 * (time.perf_counter() - start) / repeats


if __name__ == "__main__":
    main()
