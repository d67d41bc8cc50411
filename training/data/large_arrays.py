"""Columns of any number of ratings: large ones are mapped from temporary files, and all are read in blocks.

The system can write the pages of a mapped array to its file and reuse their memory, so a data set may be
larger than the memory. The files are in the folder of `tempfile` (`TMPDIR`). They have no name and disappear
with their arrays, even if the process is killed.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Smaller arrays stay in memory.
LARGE_BYTES: Final = 2**26
_BLOCK_ROWS: Final = 2**22


def empty(rows: int, dtype: DTypeLike, large_bytes: int = LARGE_BYTES) -> NDArray[Any]:
    """Return a new array, which is mapped from a temporary file if it is large.

    Args:
        rows: Its length.
        dtype: Its type.
        large_bytes: Size from which arrays are mapped.

    Raises:
        OSError: If the file cannot be written, for example because the disk is full.
    """
    size = rows * np.dtype(dtype).itemsize
    if size < large_bytes or not size:
        return np.empty(rows, dtype=dtype)
    with tempfile.TemporaryFile(prefix="ratings-") as file:
        if hasattr(os, "posix_fallocate"):
            # On a full disk, this raises an error, and a later write to the pages would end the process.
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        pages = mmap.mmap(file.fileno(), size)
    array: NDArray[Any] = np.ndarray(rows, dtype, buffer=pages)
    return array


def release(*arrays: NDArray[Any]) -> None:
    """Release the memory of mapped arrays; their pages are read from the file again on demand."""
    for array in arrays:
        base: object = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap):
            base.madvise(mmap.MADV_DONTNEED)


def blocks(rows: int, block_rows: int = _BLOCK_ROWS) -> Iterator[slice]:
    """Yield consecutive slices that cover `rows` rows."""
    for first in range(0, rows, block_rows):
        yield slice(first, min(first + block_rows, rows))


def count_ids(index: NDArray[np.integer], ids: int) -> NDArray[np.int64]:
    """Return the `(ids,)` number of rows of each id of `(rows,)` indices below `ids`."""
    counts = np.zeros(ids, dtype=np.int64)
    for rows in blocks(index.size):
        counts += np.bincount(index[rows], minlength=ids)
    return counts


def id_ranges(counts: NDArray[np.int64], rows: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of ids, each with at most `rows` rows or a single id.

    Args:
        counts: `(ids,)` number of rows of each id.
        rows: Maximum number of rows.
    """
    ends = np.cumsum(counts)
    first = done = 0
    while first < ends.size:
        last = max(int(np.searchsorted(ends, done + rows, side="right")), first + 1)
        yield first, last
        first, done = last, int(ends[last - 1])
