"""One example of each request and answer, with figures like those of the shipped models."""

from __future__ import annotations

from typing import Any, Final

Example = dict[str, Any]

PAIR: Final[Example] = {"user_id": "user_1", "movie_id": "movie_1193"}
PREDICT_REQUEST: Final[Example] = {**PAIR, "model": "baseline", "on_unknown": "error"}
PREDICTION: Final[Example] = {
    **PAIR,
    "model": "baseline",
    "rating": 4.31,
    "known_user": True,
    "known_movie": True,
}
BATCH_REQUEST: Final[Example] = {
    "user_ids": ["user_1", 2, "user_3"],
    "movie_ids": ["movie_1193", 661, "movie_0"],
    "on_unknown": "fallback",
}
BATCH_PREDICTION: Final[Example] = {"model": "baseline", "ratings": [4.31, 3.42, 3.87], "cold": [2]}
MODEL: Final[Example] = {
    "name": "baseline",
    "description": "one embedding for each user and each movie",
    "ready": True,
    "parameters": {
        "total": 623744,
        "trainable": 623744,
        "tables": [
            {
                "name": "user_embedding",
                "shape": [6040, 64],
                "dtype": "float32",
                "parameters": 386560,
                "bytes": 1546240,
            },
            {
                "name": "movie_embedding",
                "shape": [3706, 64],
                "dtype": "float32",
                "parameters": 237184,
                "bytes": 948736,
            },
        ],
    },
    "memory": {
        "weights_bytes": 2494976,
        "file_bytes": 2550000,
        "vocabulary_bytes": 38984,
        "ratings_bytes": 0,
        "resident_bytes": 2612000,
        "compression_ratio": 1.0,
    },
    "accuracy": {
        "dataset": "ml-1m",
        "split": "random",
        "test_rows": 150226,
        "mse": 0.744,
        "rmse": 0.8626,
        "mae": 0.6806,
        "global_mean_mse": 1.2447,
        "biases_only_mse": 0.8225,
    },
    "training": {
        "recipe": {"name": "reference", "batch_size": 128, "learning_rate": 0.001, "epochs": 3},
        "epochs": 3,
        "seconds": 30.0,
        "seed": 0,
        "history": {"loss": [1.2, 0.85, 0.75]},
        "created_at": "2026-01-01T00:00:00+00:00",
        "versions": {"keras": "3.15.1"},
    },
    "vocabulary": {"users": 6040, "movies": 3706},
    "popularity": {
        "movie_ratings": [
            {"first": 1, "last": 1, "ratings": 2900},
            {"first": 2, "last": 3706, "ratings": 847083},
        ],
        "movie_blocks": None,
    },
    "sha256": "0" * 64,
}
MODEL_LIST: Final[Example] = {"default": "baseline", "models": [MODEL]}
_BASELINE_FIGURES: Final[Example] = {
    "parameters": 623744,
    "weights_bytes": 2494976,
    "file_bytes": 2550000,
    "mse": 0.744,
    "rmse": 0.8626,
    "mae": 0.6806,
    "microseconds_single": 180.0,
    "microseconds_per_pair": 0.9,
}
SIDE_BY_SIDE: Final[Example] = {
    "name": "baseline",
    **_BASELINE_FIGURES,
    "difference": dict.fromkeys(_BASELINE_FIGURES, 0.0),
    "ratio": dict.fromkeys(_BASELINE_FIGURES, 1.0),
}
PAIR_COMPARISON: Final[Example] = {
    "models": [SIDE_BY_SIDE],
    "predictions": [{"model": "baseline", "rating": 4.31, "known_user": True, "known_movie": True}],
    "spread": 0.0,
}
COMPARE_REQUEST: Final[Example] = {"pairs": [{**PAIR, "rating": 5}], "models": ["baseline"]}
LABELLED_COMPARISON: Final[Example] = {
    "pairs": [{**PAIR, "ratings": {"baseline": 4.31}, "cold": False}],
    "models": [
        {
            "name": "baseline",
            "mse": 0.4761,
            "rmse": 0.69,
            "mae": 0.69,
            "rows": 1,
            "cold_rows": 0,
            "mse_warm": 0.4761,
        }
    ],
}
ALIVE: Final[Example] = {"status": "ok"}
READY: Final[Example] = {"status": "ready", "models": ["baseline", "memory_efficient"]}
