"""How often each user and movie is rated in the rows that a model learns from, and the order this gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary


def count_ratings(index: NDArray[np.int32], rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Counts ratings by id.

    Args:
        index: `(table rows,)` position in the catalogue of each row's id.
        rows: `(t,)` the row positions that count.
        size: How many ids the catalogue has.

    Returns:
        `(size,)` int64 ratings of each id.
    """
    return np.bincount(index[rows], minlength=size).astype(np.int64)


def popularity_order(
    catalogue: Vocabulary, index: NDArray[np.int32], rows: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The catalogue's positions from most to least rated.

    Ties keep the order that a catalogue of `rows` alone would have: numbers ascending, other text by
    its first row. (The whole file's order of first appearance would let a test row decide a tie.) Ids
    without a rating come last, in the catalogue's order.

    Args:
        catalogue: All ids of the file.
        index: `(table rows,)` position in the catalogue of each row's id.
        rows: `(t,)` the row positions that count, ascending.
        counts: `(size,)` what `count_ratings` says.
    """
    if catalogue.prefix is not None:
        return np.argsort(-counts, kind="stable")
    first_row = np.full(counts.size, index.size, dtype=np.int64)
    np.minimum.at(first_row, index[rows], rows)
    return np.lexsort((first_row, -counts))
