"""Fit models of other libraries to a data set, and report their errors.

    python -m benchmarks.libraries --data ../ml-1m

* `surprise_svd`: Surprise's SVD (a biased matrix factorisation by stochastic gradient descent) with its
  default settings.
* `myfm_probit`: myFM's ordered probit (a Bayesian factorisation machine) of rank 32. The movies that a user
  rated are features of the user, and the users who rated a movie are features of the movie. The predictions
  are means over the last 100 of 130 rounds. It gives each rating a probability, too.

They get the training rows of the random split and predict its test rows. Each library is installed in an
environment of its own under `benchmarks/.peers`, and runs on one core. On MovieLens 1M, myFM takes about ten
minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import REPOSITORY, report
from benchmarks.peers import peer_python
from training.data.dataset import Examples, make_dataset
from training.data.readers.ratings import load_ratings
from training.fit.evaluation import errors

LIBRARIES: Final = ("surprise_svd", "myfm_probit")
_APPS: Final = REPOSITORY / "benchmarks" / "peer_apps"
# As for the distributions of our models.
_LEAST_PROBABILITY: Final = 1e-9
_ONE_CORE: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    """Fit, predict and report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, required=True, help="ratings, in any supported layout")
    options.add_argument("--split-seed", type=int, default=0, help="seed of the random split")
    options.add_argument("--only", nargs="+", choices=LIBRARIES, default=LIBRARIES)
    arguments = options.parse_args()
    dataset = make_dataset(load_ratings(arguments.data), "random", arguments.split_seed)
    lines = []
    for name in arguments.only:
        started = time.perf_counter()
        predicted, likelihood = predict(name, dataset.train, dataset.test)
        found, seconds = errors(dataset.test.ratings, predicted), round(time.perf_counter() - started)
        lines.append(
            {
                "model": name,
                "test MSE": f"{found.mse:.4f}",
                "MAE": f"{found.mae:.4f}",
                "log-likelihood": "" if likelihood is None else f"{likelihood:.4f}",
                "s": seconds,
            }
        )
    title = f"{len(dataset.test)} test rows of {dataset.table.name}, {dataset.split.test_sha256[:8]}"
    report("libraries", title, lines)


def predict(name: str, train: Examples, test: Examples) -> tuple[NDArray[np.float64], float | None]:
    """Fit a library, which is installed if it is missing.

    Returns:
        The `(test rows,)` ratings that it predicts, and the mean logarithm of the probability that it gives
        the test ratings; None if it predicts no probabilities.

    Raises:
        PeerUnavailableError: The library cannot be installed.
    """
    python = peer_python(name, name)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "pairs.npz"), Path(folder, "predicted.npy")
        np.savez(source, train=_pairs(train), test=_pairs(test), ratings=train.ratings)
        command = [str(python), str(_APPS / f"{name}.py"), str(source), str(target)]
        subprocess.run(command, check=True, env={**os.environ, **_ONE_CORE})
        predicted: NDArray[np.float64] = np.load(target)
    if predicted.ndim == 1:
        return predicted, None
    levels = np.unique(train.ratings).astype(np.float64)
    given = predicted[np.arange(len(test)), np.searchsorted(levels, test.ratings)]
    return predicted @ levels, float(np.log(np.maximum(given, _LEAST_PROBABILITY)).mean())


def _pairs(examples: Examples) -> NDArray[np.int32]:
    return np.stack([examples.user_index, examples.movie_index], axis=1)


if __name__ == "__main__":
    main()
