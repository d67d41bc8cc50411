"""Measure the variational factorisation: ratings per second and core, and error by rank and rounds.

The errors are those on validation rows; test rows are not read. Synthetic ratings have known factors and
noise, so that the least possible error is known.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import report
from training.artefact.rating_scale import RatingScale
from training.data.dataset import Examples
from training.data.shards.shards import Shards, Side
from training.distillation.base.settings import VariationalSettings
from training.factors.solver import fit_variational_factors
from training.publish.options import DataOptions

VALIDATION: Final = 0.05
_TRUE_RANK: Final = 8
_NOISE: Final = 0.8
_SCALE: Final = RatingScale(0.0, 5.0, 0.5)
_ROUNDS_SHOWN: Final = (1, 2, 4, 8, 12, 16)


@dataclass(frozen=True)
class Ratings:
    """A data set to measure on.

    Attributes:
        name: Its name in the table.
        shards: The ratings.
        least: Validation error of the true mean ratings, if they are known.
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
        fit_variational_factors(synthetic(2_000).shards, VariationalSettings(rank=2, rounds=1))
        for rank in arguments.ranks:
            rows.append(measure(ratings, rank, arguments.rounds))
            print(rows[-1], flush=True)
    report("factors", "Variational factorisation", rows)


def _data_sets(paths: list[Path], sizes: list[int]) -> Iterator[Ratings]:
    for path in paths:
        options = DataOptions(path)
        table = options.load()
        yield Ratings(table.name, Shards.of(options.dataset(table, VALIDATION)))
    for size in sizes:
        yield synthetic(size)


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
    return row | ({} if ratings.least is None else {"true means": f"{ratings.least:.4f}"})


def synthetic(ratings: int, seed: int = 0) -> Ratings:
    """Make ratings with known factors and noise, and few popular movies and many rare ones.

    Args:
        ratings: About the number of ratings; pairs that are drawn twice count once.
        seed: Seed of everything.
    """
    random = np.random.default_rng(seed)
    users, movies = max(ratings // 140, 20), max(round(ratings**0.6 / 1.5), 20)
    shares = 1 / (np.arange(movies) + 0.02 * movies) ** 0.9
    activity = random.lognormal(0, 1.2, users)
    user = random.choice(users, round(1.15 * ratings), p=np.sort(activity)[::-1] / activity.sum())
    movie = random.choice(movies, user.size, p=shares / shares.sum())
    pairs = np.unique(user.astype(np.int64) * movies + movie)
    user, movie = (pairs // movies).astype(np.int32), (pairs % movies).astype(np.int32)
    own, other = (
        (0.6 * random.standard_normal((ids, _TRUE_RANK))).astype(np.float32) for ids in (users, movies)
    )
    own_bias, other_bias = (0.4 * random.standard_normal(ids).astype(np.float32) for ids in (users, movies))
    match = np.empty(user.size, np.float32)
    for first in range(0, user.size, 1_000_000):
        part = slice(first, first + 1_000_000)
        match[part] = np.einsum("nk,nk->n", own[user[part]], other[movie[part]])
    match += own_bias[user] + other_bias[movie] + np.float32(0.9)
    mean = 5 / (1 + np.exp(-match))
    stars = np.clip(np.round(2 * (mean + _NOISE * random.standard_normal(mean.size))), 1, 10) / 2
    held_out = random.random(user.size) < VALIDATION
    validation = Examples(user[held_out], movie[held_out], stars[held_out].astype(np.float32))
    least = float(np.mean((validation.ratings - mean[held_out]) ** 2))
    train = (user[~held_out], movie[~held_out], (2 * stars[~held_out]).astype(np.uint8))
    by_movie = np.argsort(train[1], kind="stable")
    moved = tuple(column[by_movie] for column in train)
    shards = Shards(
        users=_side(train[0], train[1], train[2], users),
        movies=_side(moved[1], moved[0], moved[2], movies),
        validation=validation,
        test=validation,
        scale=_SCALE,
        mean=float(train[2].mean(dtype=np.float64) / 2),
    )
    return Ratings(f"synthetic, {users:,} x {movies:,}", shards, least)


def _side(own: NDArray[np.int32], other: NDArray[np.int32], steps: NDArray[np.uint8], ids: int) -> Side:
    return Side(np.searchsorted(own, np.arange(ids + 1)).astype(np.int64), other, steps)


if __name__ == "__main__":
    main()
