"""Use every core: one BLAS thread for each piece of work, and one piece of work for each core.

The matrices are small and many. Several BLAS threads spend more time waiting for each other than computing,
especially on a busy machine, and the rounding of a sum would depend on their number. Work is therefore
divided into pieces that do not depend on the number of cores, and threads compute whole pieces: NumPy and the
loops of `training.distillation.base.loops` release Python's lock while they compute.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_PIECES: Final = 32


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to the calling thread in a `with` block, or in the function that this decorates."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def in_threads(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
    """Yield `work(piece)` for every piece, in the order of the pieces, computed on all cores.

    At most one piece per core is computed ahead, which bounds the memory of the results.
    """
    cores = _cores()
    if cores == 1:
        yield from map(work, pieces)
        return
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        try:
            for piece in pieces:
                pending.append(pool.submit(work, piece))
                if len(pending) > cores:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def concatenate(work: Callable[[slice], NDArray[Any]], ranges: Iterable[slice]) -> NDArray[Any]:
    """Return the concatenated results for consecutive ranges of rows, computed on all cores."""
    return np.concatenate(list(in_threads(work, ranges)))


def ranges(ends: NDArray[np.int64], cost_of_row: int = 1) -> list[slice]:
    """Divide rows into consecutive ranges of about equal cost.

    Args:
        ends: `(rows + 1,)` row i's ratings are `ends[i] : ends[i + 1]`.
        cost_of_row: Cost of a row besides its ratings, which cost 1 each.
    """
    cost = ends - ends[0] + cost_of_row * np.arange(ends.size)
    bounds = np.unique(np.searchsorted(cost, np.linspace(0, cost[-1], _PIECES + 1)))
    return [slice(start, stop) for start, stop in pairwise(bounds.tolist())]


def _cores() -> int:
    # Python 3.13 has os.process_cpu_count.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
