"""Compare top-N over all movies with the matrix-vector product and the partial sort alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from app.scoring.loading import load_registry
from app.scoring.scorer import RatingScorer
from app.scoring.table_engine import TableEngine
from app.settings import load_settings
from benchmarks.harness import median, report, spread
from training.artefact import Vocabulary
from training.artefact.engine import RatingTables
from training.artefact.fallback import Fallback
from training.families.full import FullSide

N: Final = 10
# A synthetic catalogue, larger than that of any bundled data set, with full tables.
MANY_MOVIES: Final = 100_000


def main() -> None:
    """Measure and report."""
    scorers = {name: model.scorer for name, model in load_registry(load_settings()).models.items()}
    scorers["full, synthetic"] = _synthetic(scorers["baseline"])
    report(
        "top",
        f"The {N} best of all movies, compared with product and partial sort alone",
        [_row(name, scorer) for name, scorer in scorers.items()],
    )


def _row(name: str, scorer: RatingScorer) -> dict[str, Any]:
    engine = scorer.engine
    assert isinstance(engine, TableEngine)
    movies = scorer.movies.warm
    # The floor multiplies the same embeddings as float32, however the model stores them.
    matrix = engine.movie_vectors(np.arange(movies, dtype=np.int32))
    vector = engine.user_vectors(np.array([7], dtype=np.int32))[0]
    user = scorer.users[7]

    def floor() -> object:
        found = matrix @ vector
        return np.argpartition(found, found.size - N)[-N:]

    def ours() -> object:
        return scorer.top(user, N)

    repeats = 200 if movies < MANY_MOVIES else 20
    pairs = [(_microseconds(floor, repeats), _microseconds(ours, repeats)) for _ in range(15)]
    return {
        "model": name,
        "movies": movies,
        "dimensions": matrix.shape[1],
        "floor us": spread([base for base, _ in pairs]),
        "ours us": spread([own for _, own in pairs]),
        "ratio": f"{median([own / base for base, own in pairs]):.2f}",
        "difference us": f"{median([own - base for base, own in pairs]):.1f}",
    }


def _synthetic(like: RatingScorer) -> RatingScorer:
    random = np.random.default_rng(0)
    users, movies = (random.normal(0, 0.1, (count, 64)).astype(np.float32) for count in (100, MANY_MOVIES))
    return RatingScorer(
        like.manifest,
        Vocabulary.from_numbers(np.arange(len(users)), "user_"),
        Vocabulary.from_numbers(np.arange(len(movies)), "movie_"),
        Fallback(3.0, np.zeros(len(users), np.float32), np.zeros(len(movies), np.float32)),
        TableEngine(RatingTables(FullSide(users), FullSide(movies))),
    )


def _microseconds(call: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return 1e6 * (time.perf_counter() - start) / repeats


if __name__ == "__main__":
    main()
