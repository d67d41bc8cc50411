"""What a billion ratings would need, from the real block functions on sampled blocks.

    python -m benchmarks.billion --ratings 1e9 --users 1e8 --movies 1e7

A block of users is solved against a table of movies, a block of movies against a table of users, and the best
movies of a block of users are found, by the functions that training and `score` use, in one thread. Tables
have at most `SAMPLED` rows, which is far beyond the caches; ratings per row are those of the whole data, and
movies are as unevenly popular as in MovieLens. Seconds are multiplied by the number of rows, and for the
ranking by the number of movies; bytes are those of the arrays. Not in the figures: reading and sorting the
file, the network, distillation, and waiting for the slowest block of a round.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.harness import median, report
from training.artefact.engine import RatingTables
from training.artefact.rating_scale import RatingScale
from training.bulk.blocks import Ranker
from training.data.shards.shards import Side
from training.factors.blocks import Block, OtherSide, first_moments, solve
from training.families.full import FullSide

SAMPLED: Final = 500_000
# Ratings of a sampled block.
BLOCK_RATINGS: Final = 100_000
RANKED_USERS: Final = 16
REPEATS: Final = 3
_SCALE: Final = RatingScale(0.0, 5.0, 0.5)


def main() -> None:
    """Measure, multiply and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ratings", type=float, default=1e9)
    parser.add_argument("--users", type=float, default=1e8)
    parser.add_argument("--movies", type=float, default=1e7)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=12, help="rounds of the solver")
    parser.add_argument("--cores", type=int, default=64, help="cores of all machines together")
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    with threadpool_limits(1):
        rows = _figures(arguments, random)
    title = f"{arguments.ratings:.0e} ratings, {arguments.users:.0e} users, {arguments.movies:.0e} movies"
    report("billion", f"{title}, rank {arguments.rank}, {arguments.cores} cores", rows)


def _figures(arguments: Any, random: np.random.Generator) -> list[dict[str, Any]]:
    ids = {"users": int(arguments.users), "movies": int(arguments.movies)}
    rank, rounds = arguments.rank, arguments.rounds
    moments = 4 * (rank + 2) * (rank + 3) // 2
    rows, core_hours = [], 0.0
    for side, other in (("users", "movies"), ("movies", "users")):
        per_row = arguments.ratings / ids[side]
        seconds = _solve_seconds(
            per_row, min(ids[other], SAMPLED), rank, skewed=other == "movies", random=random
        )
        hours = seconds * ids[side] * rounds / 3_600
        core_hours += hours
        rows.append(
            {
                "step": f"solve {side}, {rounds} rounds",
                "sampled": f"{1e6 * seconds:.0f} us a row of {per_row:.0f} ratings",
                "core hours": f"{hours:.1f}",
                "hours": f"{hours / arguments.cores:.2f}",
                "every worker reads": f"{ids[other] * (moments + 4 * (rank + 2)) / 1e9:.1f} GB of {other}",
            }
        )
    seconds = _rank_seconds(min(ids["movies"], SAMPLED), rank, random) * ids["movies"] / SAMPLED
    hours = seconds * ids["users"] / 3_600
    rows.append(
        {
            "step": "the 10 best movies of every user",
            "sampled": f"{1e3 * seconds:.1f} ms a user",
            "core hours": f"{hours:.1f}",
            "hours": f"{hours / arguments.cores:.2f}",
            "every worker reads": f"{ids['movies'] * 4 * rank / 1e9:.1f} GB of movies",
        }
    )
    ratings = 2 * arguments.ratings * 5 / 1e9
    rows.append(
        {"step": "ratings, by user and by movie", "every worker reads": f"its part of {ratings:.0f} GB"}
    )
    served = sum(ids.values()) * ((rank + 1) * 2 / 8 + 8) / 1e9
    rows.append(
        {"step": "served: 2 bits a value, 8 bytes an id", "every worker reads": f"{served:.1f} GB, mapped"}
    )
    return rows


def _solve_seconds(
    per_row: float, others: int, rank: int, *, skewed: bool, random: np.random.Generator
) -> float:
    """Return the seconds of one row."""
    size = max(int(BLOCK_RATINGS / per_row), 1)
    counts = random.poisson(per_row, size)
    starts = np.concatenate([[0], np.cumsum(counts)])
    if skewed:
        other = (others * random.random(starts[-1]) ** 4).astype(np.int32)
    else:
        other = random.integers(0, others, starts[-1]).astype(np.int32)
    stars = random.integers(1, 11, starts[-1]).astype(np.uint8)
    own, means = (
        np.float32(0.3) * random.standard_normal((count, rank + 1), np.float32) for count in (size, others)
    )
    table = np.concatenate(
        [first_moments(means[start : start + 10_000]) for start in range(0, others, 10_000)]
    )
    shared = OtherSide(
        own,
        np.ones(size, np.float32),
        means,
        table,
        np.ones(others, np.float32),
        np.zeros(rank + 1),
        np.eye(rank + 1),
        0.0,
        _SCALE,
    )
    block = Block(0, size, Side(starts, other, stars))
    return _seconds(lambda: solve(block, shared)) / size


def _rank_seconds(movies: int, rank: int, random: np.random.Generator) -> float:
    """Return the seconds of one user."""
    tables = RatingTables(
        FullSide(random.standard_normal((RANKED_USERS, rank), np.float32)),
        FullSide(random.standard_normal((movies, rank), np.float32)),
    )
    ranker, users = Ranker.of(tables, movies, None), np.arange(RANKED_USERS, dtype=np.int32)
    return _seconds(lambda: ranker.best(users, 10)) / RANKED_USERS


def _seconds(work: Callable[[], Any]) -> float:
    work()  # compiles the loops
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return median(taken)


if __name__ == "__main__":
    main()
