"""A registry with fake engines, whose ratings can be computed by hand."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.scoring.probe import ScoringTime
from app.scoring.registry import LoadedModel, Registry
from app.scoring.scorer import Engine, RatingScorer
from training.artefact import Fallback, GivenRatings, Manifest, Vocabulary

# Users user_1 .. user_4 and movies movie_1 .. movie_5; the last of each has no training rating.
WARM_USERS, WARM_MOVIES = 3, 4
GLOBAL_MEAN = 3.0
USER_MEANS = (1.5, 2.5, 3.5)
MOVIE_MEANS = (2.0, 2.25, 4.0, 4.5)


class FakeEngine(Engine):
    """Rates user index u and movie index m as `step * u + m / 4`, and counts the rated pairs."""

    weights_bytes = 1000

    def __init__(self, step: float) -> None:
        self._step = step
        self.rated = 0
        self.gate = threading.Event()
        self.gate.set()

    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        assert user_index.dtype == movie_index.dtype == np.int32
        assert np.all((user_index >= 0) & (user_index < WARM_USERS))
        assert np.all((movie_index >= 0) & (movie_index < WARM_MOVIES))
        self.rated += user_index.size
        assert self.gate.wait(60)
        return (self._step * user_index + movie_index / 4).astype(np.float32)


def fake_manifest(name: str, **changes: Any) -> Manifest:
    """Return a manifest with figures that are easy to recognise."""
    half = name != "baseline"
    fields: dict[str, Any] = {
        "format_version": 1,
        "name": name,
        "description": f"{name} for tests",
        "model_file": {"sha256": "ab" * 32, "bytes": 5000},
        "movies_file": None,
        "settings": {},
        "parameters": {
            "total": 100 if half else 200,
            "trainable": 100 if half else 200,
            "tables": [{"name": "t", "shape": [10, 10], "dtype": "float32", "parameters": 100, "bytes": 400}],
        },
        "weights_bytes": 400 if half else 800,
        "vocabulary": {
            "users": {"size": 4, "warm": 3, "prefix": "user_", "bytes": 16},
            "movies": {"size": 5, "warm": 4, "prefix": "movie_", "bytes": 20},
        },
        "fallback": {
            "global_mean": GLOBAL_MEAN,
            "user_means": list(USER_MEANS),
            "movie_means": list(MOVIE_MEANS),
        },
        "dataset": {
            "name": "tiny",
            "rows": 9,
            "users": 4,
            "movies": 5,
            "sha256": "0" * 64,
            "licence": "none",
        },
        "split": {
            "kind": "random",
            "seed": 0,
            "train_rows": 7,
            "validation_rows": 0,
            "test_rows": 2,
            "test_sha256": "0" * 64,
        },
        "accuracy": {
            "mse": 1.0 if half else 0.5,
            "rmse": 1.0,
            "mae": 0.75,
            "mse_warm": 0.5,
            "test_rows": 2,
            "cold_rows": 1,
            "global_mean_mse": 2.0,
            "biases_only_mse": 1.5,
        },
        "training": {
            "recipe": {"name": "custom"},
            "epochs": 2,
            "seconds": 1.5,
            "seed": 0,
            "history": {"mse": [2.0, 1.0]},
            "created_at": "2026-01-01T00:00:00+00:00",
            "versions": {"keras": "3.15.1"},
        },
    }
    return Manifest.model_validate({**fields, **changes})


def fake_scorer(
    name: str = "baseline", step: float = 1.0, given: GivenRatings | None = None
) -> tuple[RatingScorer, FakeEngine]:
    engine = FakeEngine(step)
    fallback = Fallback(
        GLOBAL_MEAN, np.array(USER_MEANS, dtype=np.float32), np.array(MOVIE_MEANS, dtype=np.float32)
    )
    users = Vocabulary.from_numbers(np.arange(1, 5), "user_", WARM_USERS)
    movies = Vocabulary.from_numbers(np.arange(1, 6), "movie_", WARM_MOVIES)
    return RatingScorer(fake_manifest(name), users, movies, fallback, engine, given), engine


def fake_registry(
    *names: str, default: str | None = None, expected: tuple[str, ...] | None = None
) -> Registry:
    """Return a registry of models (baseline and half by default); `half` rates users half as high."""
    names = names or ("baseline", "half")
    models = [
        LoadedModel(fake_scorer(name, 1.0 if name == "baseline" else 0.5)[0], ScoringTime(100.0, 2.0))
        for name in names
    ]
    return Registry(models, default or names[0], names if expected is None else expected)
