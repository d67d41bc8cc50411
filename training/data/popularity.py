"""Counts training ratings by id, and orders ids by popularity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary


def count_ratings(index: NDArray[np.int32], rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Count ratings by id.

    Args:
        index: `(table rows,)` position in the catalogue of each row's id.
        rows: `(t,)` positions of the rows to count.
        size: Number of ids in the catalogue.

    Returns:
        `(size,)` int64 number of ratings of each id.
    """
    return np.bincount(index[rows], minlength=size).astype(np.int64)


def popularity_order(
    catalogue: Vocabulary, index: NDArray[np.int32], rows: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the positions in the catalogue from most to least rated.

    Ties keep the order that a catalogue of `rows` alone would have: ascending numbers,
    or text by first row. (With the order of first appearance in the whole file, a test row could decide a
    tie.) Ids without a rating come last, in the order of the catalogue.

    Args:
        catalogue: All ids of the file.
        index: `(table rows,)` position in the catalogue of each row's id.
        rows: `(t,)` ascending positions of the rows to count.
        counts: `(size,)` result of `count_ratings`.
    """
    if catalogue.prefix is not None:
        return np.argsort(-counts, kind="stable")
    first_row = np.full(counts.size, index.size, dtype=np.int64)
    np.minimum.at(first_row, index[rows], rows)
    return np.lexsort((first_row, -counts))
