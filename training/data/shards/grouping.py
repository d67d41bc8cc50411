"""Sort ratings by the ids of one side: in memory, or with DuckDB, whose memory is bounded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import nanoarrow  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from training.data.files.engine import connect
from training.data.large_arrays import count_ids, empty, release

MEMORY_ROWS: Final = 2**22
# DuckDB's memory; more than this makes the sort little faster.
_MEMORY_LIMIT: Final = "300MB"
# Rows after which the memory of the mapped arrays is released.
_ROWS: Final = 2**21

Grouped = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]


def grouped(
    index: NDArray[np.int32],
    others: NDArray[np.int32],
    stars: NDArray[Any],
    ids: int,
    memory_rows: int = MEMORY_ROWS,
) -> Grouped:
    """Sort ratings by the ids of one side, and then by the other side.

    The arguments and the result are those of `grouped_in_memory`; more than `memory_rows` ratings are sorted
    with DuckDB, and the arrays may be memory-mapped.

    Raises:
        OSError: If a temporary file cannot be written.
    """
    group = grouped_in_memory if index.size <= memory_rows else grouped_by_engine
    return group(index, others, stars, ids)


def grouped_in_memory(
    index: NDArray[np.int32], others: NDArray[np.int32], stars: NDArray[Any], ids: int
) -> Grouped:
    """Sort ratings in memory.

    Args:
        index: `(ratings,)` index of the side to group by, below `ids`.
        others: `(ratings,)` index of the other side.
        stars: `(ratings,)` values that stay with them.
        ids: Number of ids.

    Returns:
        The arrays of a `Side`: `(ids + 1,)` starts, and `(ratings,)` others and stars.
    """
    order = np.lexsort((others, index))
    return _starts(index, ids), others[order], stars[order]


def grouped_by_engine(
    index: NDArray[np.int32], others: NDArray[np.int32], stars: NDArray[Any], ids: int
) -> Grouped:
    """Sort ratings with DuckDB, in a few hundred megabytes and a temporary folder.

    The arguments and the result are those of `grouped_in_memory`.
    """
    sorted_others, sorted_stars = empty(others.size, np.int32), empty(stars.size, stars.dtype)
    with (
        tempfile.TemporaryDirectory(prefix="ratings-") as folder,
        connect([], Path(folder), memory_limit=_MEMORY_LIMIT) as database,
    ):
        columns: dict[str, NDArray[Any]] = {"id": index, "other": others, "stars": stars}
        database.register("ratings", columns)
        result = database.sql("SELECT other, stars FROM ratings ORDER BY id, other")
        done = released = 0
        for block in nanoarrow.ArrayStream(result):
            rows = slice(done, done + len(block))
            sorted_others[rows] = np.asarray(block.child(0).buffer(1))[: len(block)]
            sorted_stars[rows] = np.asarray(block.child(1).buffer(1))[: len(block)]
            done += len(block)
            if done - released >= _ROWS:
                release(index, others, stars, sorted_others, sorted_stars)
                released = done
    release(index, others, stars, sorted_others, sorted_stars)
    return _starts(index, ids), sorted_others, sorted_stars


def _starts(index: NDArray[np.int32], ids: int) -> NDArray[np.int64]:
    starts = np.zeros(ids + 1, dtype=np.int64)
    np.cumsum(count_ids(index, ids), out=starts[1:])
    return starts
