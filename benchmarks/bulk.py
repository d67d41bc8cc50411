"""The best movies of many users, compared with the product and the partial sort alone.

`python -m benchmarks.bulk` ranks blocks of users of a synthetic model with 10,000 movies in one thread, as
each thread of `python -m training score` does, and NumPy's product and `argpartition` on the same blocks.
"""

from __future__ import annotations

import resource
import time
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.harness import median, report, spread
from training.artefact.engine import RatingTables
from training.bulk.blocks import BestOf, Ranker, best_of_users
from training.bulk.scoring import TASK_USERS
from training.families.full import FullSide

TOP: Final = 10
MOVIES: Final = 10_000
USERS: Final = 8_192
# Users whose keys the yardstick has in memory at a time, as many as `score`.
YARDSTICK_USERS: Final = 128
ROUNDS: Final = 5


def main() -> None:
    """Measure and report."""
    with threadpool_limits(1):
        report("bulk", f"The {TOP} best of {MOVIES:,} movies", [_row(rank) for rank in (16, 32, 64)])


def _row(rank: int) -> dict[str, Any]:
    random = np.random.default_rng(rank)
    users, movies = (random.standard_normal((count, rank), np.float32) for count in (USERS, MOVIES))
    bias = random.normal(0, 0.3, MOVIES).astype(np.float32)
    tables = RatingTables(FullSide(users), FullSide(movies), None, bias, np.float32(0.5))
    ranker = Ranker.of(tables, MOVIES, None)
    blocks = [np.arange(start, start + TASK_USERS, dtype=np.int32) for start in range(0, USERS, TASK_USERS)]

    def alone(block: np.ndarray[Any, Any]) -> None:
        for start in range(0, block.size, YARDSTICK_USERS):
            keys = users[block[start : start + YARDSTICK_USERS]] @ movies.T
            keys += bias
            np.argpartition(keys, -TOP, axis=1)

    rates, ratios = [], []
    for _ in range(ROUNDS):
        own = _seconds(lambda block: best_of_users(block, BestOf(ranker, TOP)), blocks)
        yardstick = _seconds(alone, blocks)
        rates.append(USERS / own)
        ratios.append(own / yardstick)
    return {
        "factors": rank,
        "users/s of a core": f"{median(rates):,.0f}",
        "time / product and argpartition": spread(ratios),
        "peak MiB of the process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _seconds(work: Any, blocks: list[Any]) -> float:
    started = time.process_time()
    for block in blocks:
        work(block)
    return time.process_time() - started


if __name__ == "__main__":
    main()
