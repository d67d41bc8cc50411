"""Show what features gain for movies without training ratings: `python -m benchmarks.new_movies --data DIR`.

A model is trained with `--new-movies` on each split, and its test rows with a cold movie are predicted by the
fallback alone and with the features of the movies. The yardstick is the mean with the biases of users. The
interval of the gain over the fallback comes from drawing movies again.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from training.artefact.reader import open_artefact
from training.distillation.named import DISTILLED
from training.factors.settings import VARIATIONAL
from training.fit.evaluation import biases_only
from training.fit.recipes import BIASED
from training.publish.options import DataOptions, DistillationOptions, PublishOptions
from training.publish.workflow import train_models

_DRAWS: Final = 1000


def main() -> None:
    """Train, measure and report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--items", type=Path, help="a file of titles and other columns")
    options.add_argument("--splits", nargs="+", default=["time", "new-movies"])
    options.add_argument("--split-seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--model", choices=["vb", *DISTILLED], default="vb")
    given = options.parse_args()
    lines = []
    for split in given.splits:
        for seed in given.split_seeds if split == "new-movies" else given.split_seeds[:1]:
            lines += _measured(
                given.model, DataOptions(given.data, items=given.items, split=split, split_seed=seed)
            )
    report("new_movies", "Test rows of movies without training ratings", lines)


def _measured(name: str, data: DataOptions) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        store = PublishOptions(Path(folder, "store"), ratings=False, new_movies=True)
        distillation = DistillationOptions(Path(folder, "work"))
        model = DISTILLED[name] if name in DISTILLED else VARIATIONAL[name]
        train_models([model], BIASED, distillation, data, store)
        artefact = open_artefact(Path(folder, "store", name))
    table = data.load()
    fraction = 0.0 if name in DISTILLED else BIASED.validation_fraction
    dataset = data.dataset(table, fraction)
    test, biases = dataset.test, biases_only(dataset)
    cold_movie = test.movie_index >= dataset.movies.warm
    known_user = test.user_index < dataset.users.warm
    lines = []
    for part, rows in (("cold movie", cold_movie & known_user), ("both cold", cold_movie & ~known_user)):
        if not rows.any():
            continue
        user, movie, ratings = test.user_index[rows], test.movie_index[rows], test.ratings[rows]
        described = artefact.fallback
        alone = replace(described, new_movies=None)
        errors = np.stack(
            [
                (predicted - ratings) ** 2
                for predicted in (alone.rate(user, movie), biases[rows], described.rate(user, movie))
            ]
        )
        fallback, yardstick, features = errors.mean(axis=1).tolist()
        lines.append(
            {
                "split": data.split,
                "split seed": data.split_seed,
                "rows": part,
                "count": int(rows.sum()),
                "fallback": f"{fallback:.4f}",
                "biases": f"{yardstick:.4f}",
                "features": f"{features:.4f}",
                "gain %": f"{100 * (1 - features / fallback):.1f}",
                "gain over biases %": f"{100 * (1 - features / yardstick):.1f}",
                "interval %": _interval(errors[0], errors[2], movie),
            }
        )
    return lines


def _interval(fallback: Any, features: Any, movie: Any) -> str:
    """Return the 95 % interval of the gain over the fallback, from drawing movies again."""
    _, place = np.unique(movie, return_inverse=True)
    sums = np.stack([np.bincount(place, errors) for errors in (fallback, features)])
    random = np.random.default_rng(0)
    drawn = random.integers(0, sums.shape[1], (_DRAWS, sums.shape[1]))
    totals = sums[:, drawn].sum(axis=2)
    low, high = np.quantile(100 * (1 - totals[1] / totals[0]), (0.025, 0.975))
    return f"{low:.1f} to {high:.1f}"


if __name__ == "__main__":
    main()
