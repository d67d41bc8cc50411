"""Show how sure the errors of the shipped models are, and where they are large.

    python -m benchmarks.intervals --data ../ml-1m

Four tables over the test rows: the mean squared error of each model with its 95% interval, the differences
to the default model, and, by fifths of the movies by popularity and of the users by activity, the errors and
by how much ratings are higher than predicted on average. The intervals are from resampled users. They say how
much the error depends on which users there are; that it also depends on the training's seed and on which rows
are test rows is not part of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import REPOSITORY, report
from training.artefact import open_artefact
from training.artefact.engine import read_tables
from training.artefact.reader import list_artefacts
from training.artefact.uncertainty import fifth_of
from training.data.dataset import Dataset, make_dataset
from training.data.readers.ratings import load_ratings
from training.fit.evaluation import biases_only, predict_all
from training.fit.resampling import Interval, bootstrap

DEFAULT_MODEL: Final = "compact"
BIASES: Final = "biases only"
_FIFTHS: Final = ("first", "second", "third", "fourth", "last")
# Movies with at most so many training ratings have a line of their own.
_FEW: Final = 10


def main() -> None:
    """Predict the test rows of the models' own split and report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--data", type=Path, required=True, help="the ratings that the models are trained on"
    )
    options.add_argument("--store", type=Path, default=REPOSITORY / "models_store")
    options.add_argument("--split-seed", type=int, default=0, help="seed of the models' random split")
    options.add_argument("--resamples", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0, help="seed of the resamples")
    arguments = options.parse_args()
    dataset = make_dataset(load_ratings(arguments.data), "random", arguments.split_seed)
    residuals = residuals_of(arguments.store, dataset)
    squared = {name: own**2 for name, own in residuals.items()}
    title = f"{len(dataset.test)} test rows of {dataset.table.name}, {dataset.split.test_sha256[:8]}"
    differences = {
        name: own - squared[DEFAULT_MODEL] for name, own in squared.items() if name != DEFAULT_MODEL
    }
    users = dataset.test.user_index
    for name, what, values in (
        ("intervals", "Test MSE", squared),
        ("differences", f"Difference to {DEFAULT_MODEL} in MSE", differences),
    ):
        found = bootstrap(values, users, arguments.resamples, arguments.seed)
        lines = [_line(model, interval) for model, interval in found.items()]
        report(name, f"{what}, {title}, {arguments.resamples} resamples of the users", lines)
    report("fifths", f"Test MSE by fifths, {title}", fifths(dataset, squared))
    report("offsets", f"Rating minus prediction by fifths, {title}", fifths(dataset, residuals))


def residuals_of(store: Path, dataset: Dataset) -> dict[str, NDArray[np.float64]]:
    """Return the `(test rows,)` ratings minus predictions of each model of the split, and of biases alone.

    Raises:
        SystemExit: If a model was trained on another split of the data.
    """
    test = dataset.test
    found = {}
    for folder in list_artefacts(store):
        artefact = open_artefact(folder)
        name = artefact.manifest.name
        if artefact.manifest.split.test_sha256 != dataset.split.test_sha256:
            raise SystemExit(f"{name} was trained on another split of its data")
        tables = read_tables(artefact.archive)
        # Ids are in order of popularity in the training rows, as in the dataset of the same split.
        rated, _ = predict_all(tables.rate, artefact.fallback, test, dataset.users.warm, dataset.movies.warm)
        found[name] = test.ratings.astype(np.float64) - rated
    found[BIASES] = test.ratings.astype(np.float64) - biases_only(dataset)
    return found


def fifths(dataset: Dataset, values: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    """Return a line of means for each fifth of the ids with training ratings, and for movies with few."""
    lines = []
    for side, index, counts, warm in (
        ("movies", dataset.test.movie_index, dataset.movie_popularity, dataset.movies.warm),
        ("users", dataset.test.user_index, dataset.user_popularity, dataset.users.warm),
    ):
        places = np.append(fifth_of(np.arange(warm), warm), np.full(counts.size - warm, len(_FIFTHS)))
        for place, name in enumerate(_FIFTHS):
            own = counts[places == place]
            lines.append(
                _mean_line(
                    f"{side}, {name} fifth", f"{own.min()} to {own.max()}", places[index] == place, values
                )
            )
    few = dataset.movie_popularity[dataset.test.movie_index] <= _FEW
    lines.append(_mean_line("movies with few ratings", f"0 to {_FEW}", few, values))
    return lines


def _mean_line(
    ids: str, ratings: str, chosen: NDArray[np.bool_], values: Mapping[str, NDArray[np.float64]]
) -> dict[str, Any]:
    means = {name: f"{own[chosen].mean():.4f}" for name, own in values.items()}
    return {"ids": ids, "training ratings": ratings, "test rows": int(chosen.sum()), **means}


def _line(name: str, interval: Interval) -> dict[str, Any]:
    return {
        "model": name,
        "mean": f"{interval.mean:.4f}",
        "low": f"{interval.low:.4f}",
        "high": f"{interval.high:.4f}",
        "standard deviation": f"{interval.deviation:.4f}",
    }


if __name__ == "__main__":
    main()
