"""A small factorisation by alternating least squares, for runs on a cluster and without one."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

RANK = 8


class Runner(Protocol):
    def run(
        self, function: Callable[[Any, Any], Any], blocks: Sequence[Any], shared: Any
    ) -> Iterator[Any]: ...


class PlainRunner:
    """The loop with which the numbers of a cluster are compared."""

    def run(self, function: Callable[[Any, Any], Any], blocks: Sequence[Any], shared: Any) -> Iterator[Any]:
        return (function(block, shared) for block in blocks)


@dataclass(frozen=True)
class Side:
    """Ratings grouped by the rows of one side."""

    starts: NDArray[np.int64]
    others: NDArray[np.int32]
    stars: NDArray[np.float32]


@dataclass(frozen=True)
class Half:
    """What the blocks of one half of a sweep share.

    If `trace` is given, each block leaves a file there, whose name begins with the address and the id of the
    node and whose text is the block, and waits until `trace/go` exists, so that a test can change the cluster
    in the middle of the job.
    """

    side: Side
    factors: NDArray[np.float64]
    trace: Path | None = None


def make_sides(users: int = 400, movies: int = 120, ratings: int = 9000) -> tuple[Side, Side]:
    generator = np.random.default_rng(0)
    pairs = generator.choice(users * movies, ratings, replace=False)
    columns = pairs // movies, pairs % movies
    stars = generator.integers(1, 6, ratings).astype(np.float32)
    return _group(*columns, stars, users), _group(*columns[::-1], stars, movies)


def _group(rows: NDArray[Any], others: NDArray[Any], stars: NDArray[np.float32], count: int) -> Side:
    order = np.lexsort((others, rows))
    starts = np.searchsorted(rows[order], np.arange(count + 1))
    return Side(starts.astype(np.int64), others[order].astype(np.int32), stars[order])


def solve(block: tuple[int, int], shared: Half) -> NDArray[np.float64]:
    """Return the factors of the rows of a block."""
    if shared.trace is not None:
        _leave_trace(shared.trace, block)
        wait_until((shared.trace / "go").exists)
    rows = np.empty((block[1] - block[0], RANK))
    for place, row in enumerate(range(*block)):
        own = slice(shared.side.starts[row], shared.side.starts[row + 1])
        theirs = shared.factors[shared.side.others[own]]
        rows[place] = np.linalg.solve(theirs.T @ theirs + np.eye(RANK), theirs.T @ shared.side.stars[own])
    return rows


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return when the condition is true.

    Raises:
        TimeoutError: It is not true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {seconds} s")
        time.sleep(0.05)


def _leave_trace(folder: Path, block: tuple[int, int]) -> None:
    import ray

    node = ray.get_runtime_context().get_node_id()
    name = f"{ray.util.get_node_ip_address()} {node} {uuid.uuid4().hex}"
    (folder / name).write_text(f"{block[0]}-{block[1]}", encoding="utf-8")


def traces(folder: Path) -> list[tuple[str, str, str]]:
    """Return the address, the node and the rows of each block that was begun."""
    found = [path for path in folder.iterdir() if path.name != "go"]
    return [(*path.name.split()[:2], path.read_text("utf-8")) for path in found]  # type: ignore[misc]


def fail(block: int, shared: str) -> None:
    raise LookupError(f"{shared} {block}")


def kill_once(block: int, shared: Path) -> int:
    """Kill the worker of block 0, the first time."""
    if block == 0 and not shared.exists():
        shared.touch()
        os.kill(os.getpid(), 9)
    return block


def kill_always(block: int, shared: None) -> None:
    os.kill(os.getpid(), 9)


def factorise(
    runner: Runner, sweeps: int = 2, blocks: int = 8, trace: Path | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the factors of users and movies."""
    users, movies = make_sides()
    of_movies = np.random.default_rng(1).normal(size=(len(movies.starts) - 1, RANK))
    for _ in range(sweeps):
        of_users = _half(runner, Half(users, of_movies, trace), blocks)
        of_movies = _half(runner, Half(movies, of_users, trace), blocks)
    return of_users, of_movies


def _half(runner: Runner, half: Half, blocks: int) -> NDArray[np.float64]:
    bounds = np.linspace(0, len(half.side.starts) - 1, blocks + 1).astype(int).tolist()
    return np.concatenate(list(runner.run(solve, list(pairwise(bounds)), half)))
