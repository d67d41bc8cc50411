"""Measure the variational factorisation: ratings per second and core, and error by rank and rounds.

The errors are those on validation rows; test rows are not read. Synthetic ratings are those of
`benchmarks.scale`, whose factors and noise are known.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from benchmarks.scale import write_ratings
from training.data.shards.shards import Shards
from training.distillation.base.settings import VariationalSettings
from training.factors.solver import fit_variational_factors
from training.publish.options import DataOptions

VALIDATION: Final = 0.05
_ROUNDS_SHOWN: Final = (1, 2, 4, 8, 12, 16)


@dataclass(frozen=True)
class Ratings:
    """A data set to measure on.

    Attributes:
        name: Its name in the table.
        shards: The ratings.
        least: Error of the expected ratings, if they are known: the noise.
    """

    name: str
    shards: Shards
    least: float | None = None


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="folders or files of ratings")
    parser.add_argument("--synthetic", type=int, nargs="*", default=[], help="numbers of ratings to make")
    parser.add_argument("--ranks", type=int, nargs="*", default=[8, 16, 24, 32])
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    rows = []
    for ratings in _data_sets(arguments.data, arguments.synthetic):
        # The loops are compiled before any time is taken.
        fit_variational_factors(ratings.shards, VariationalSettings(rank=2, rounds=1))
        for rank in arguments.ranks:
            rows.append(measure(ratings, rank, arguments.rounds))
            print(rows[-1], flush=True)
    report("factors", "Variational factorisation", rows)


def _data_sets(paths: list[Path], sizes: list[int]) -> Iterator[Ratings]:
    for path in paths:
        yield _read(path)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "synthetic.parquet"
            made = write_ratings(path, size)
            yield replace(_read(path), least=made.noise)


def _read(path: Path) -> Ratings:
    options = DataOptions(path)
    table = options.load()
    return Ratings(table.name, Shards.of(options.dataset(table, VALIDATION)))


def measure(ratings: Ratings, rank: int, rounds: int) -> dict[str, Any]:
    """Fit at one rank, and return a row of the table."""
    times = [time.process_time()]
    found = fit_variational_factors(
        ratings.shards,
        VariationalSettings(rank=rank, rounds=rounds),
        on_round=lambda *_: times.append(time.process_time()),
    )
    seconds = float(np.median(np.diff(times)))
    row = {
        "data": ratings.name,
        "training ratings": f"{len(ratings.shards):,}",
        "rank": rank,
        "CPU s a round": f"{seconds:.2f}",
        "ratings/s and core": f"{len(ratings.shards) / seconds:,.0f}",
    }
    for place in _ROUNDS_SHOWN:
        row[f"MSE, {place}"] = f"{found.history[place - 1]:.4f}" if place <= len(found.history) else ""
    row |= {"least MSE": f"{min(found.history):.4f}", "rounds": found.best_round}
    return row | ({} if ratings.least is None else {"noise": f"{ratings.least:.4f}"})


if __name__ == "__main__":
    main()
