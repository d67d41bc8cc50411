"""Distil a model from the 90/10 split that published figures of MovieLens 1M refer to, and report its RMSE.

    python -m benchmarks.published_split --data ../ml-1m --work runs/published-split

The split is the one of GLocal-K (Han et al. 2021, arXiv:2108.12184): the rows in the order of `ratings.dat`
are shuffled with the seed 1234, and the first tenth is the test set. The weights of the teacher's members are
found on a tenth of the training rows, as in `python -m training fit`; the test rows are read once.

The comparison is not fair in either direction. The published figure, RMSE 0.8227, is that of the epoch with
the lowest error on the test rows; here, nothing is chosen on them. But the settings of the distilled models
were developed on another split of the same ratings: of the rows that are test rows here, 85% were training
or validation rows then, and errors on the others were seen. And ours is one run with one seed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.harness import report
from training.data.dataset import prepare
from training.data.readers.ratings import load_ratings
from training.data.split import Split
from training.distillation.base.work_folder import open_work_folder
from training.distillation.named import DISTILLED
from training.distillation.teacher.teacher import Teacher

SEED: Final = 1234
TEST_FRACTION: Final = 0.1
VALIDATION_FRACTION: Final = 0.1
PUBLISHED_RMSE: Final = 0.8227


def published_split(rows: int, validation_fraction: float = 0.0) -> Split:
    """Return GLocal-K's split of a table of so many rows.

    Args:
        rows: Number of ratings, in the order of the file.
        validation_fraction: Part of the training rows for validation, drawn with another seed.
    """
    shuffled = np.random.RandomState(SEED).permutation(rows)
    test, rest = np.split(shuffled, [int(TEST_FRACTION * rows)])
    drawn = np.random.default_rng(SEED).random(rest.size) < validation_fraction
    return Split(
        kind="random",
        seed=SEED,
        train=np.sort(rest[~drawn]),
        validation=np.sort(rest[drawn]),
        test=np.sort(test),
    )


def main() -> None:
    """Distil and report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, required=True, help="MovieLens 1M, in the order of its file")
    options.add_argument("--models", nargs="+", choices=[*DISTILLED], default=["accurate"])
    options.add_argument("--work", type=Path, default=Path("runs/published-split"))
    options.add_argument("--seed", type=int, default=0, help="seed of the training")
    arguments = options.parse_args()
    table = load_ratings(arguments.data)
    from training.distillation.distiller import distil, errors_on, find_blends

    models = [DISTILLED[name] for name in arguments.models]
    lines = []
    started = time.perf_counter()
    with open_work_folder(arguments.work) as folder:
        cut = prepare(table, published_split(table.rows, VALIDATION_FRACTION))
        blends, _ = find_blends(Teacher(cut, folder, seed=arguments.seed), models, with_students=False)
        dataset = prepare(table, published_split(table.rows))
        teacher = Teacher(dataset, folder, seed=arguments.seed)
        for model in models:
            distilled = distil(teacher, model, blends[model.name])
            found = errors_on(distilled, dataset.test, dataset)
            lines.append(
                {
                    "model": model.name,
                    "weight bytes": distilled.nbytes,
                    "test rows": len(dataset.test),
                    "MSE": f"{found.mse:.4f}",
                    "RMSE": f"{found.rmse:.4f}",
                    "seconds so far": round(time.perf_counter() - started),
                }
            )
    title = f"GLocal-K's split of {table.name} (published RMSE {PUBLISHED_RMSE})"
    report("published_split", title, lines)


if __name__ == "__main__":
    main()
