"""From the catalogue of a file's ids to a model's vocabulary."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary


def by_popularity(
    catalogue: Vocabulary, index: NDArray[np.int32], row_blocks: Iterable[NDArray[np.int64]]
) -> tuple[Vocabulary, NDArray[np.int32], NDArray[np.int64]]:
    """Return a model's vocabulary: the catalogue by falling number of training ratings.

    Args:
        catalogue: All ids of the file.
        index: `(table rows,)` position in the catalogue of each row's id.
        row_blocks: Positions of the training rows, ascending, in blocks.

    Returns:
        The vocabulary, whose `warm` ids have training ratings; the `(size,)` int32 index in it of each
        position of the catalogue; and the `(size,)` int64 number of ratings of each id, non-increasing.
    """
    counts = np.zeros(len(catalogue), dtype=np.int64)
    first_row = np.full(len(catalogue), index.size, dtype=np.int64)
    for rows in row_blocks:
        found = index[rows]
        counts += np.bincount(found, minlength=len(catalogue))
        if catalogue.prefix is None:
            np.minimum.at(first_row, found, rows)
    order = _popularity_order(catalogue, counts, first_row)
    return catalogue.reordered(order, int(np.count_nonzero(counts))), _inverse(order), counts[order]


def _popularity_order(
    catalogue: Vocabulary, counts: NDArray[np.int64], first_row: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the positions in the catalogue from most to least rated.

    Ties keep the order that a catalogue of the training rows alone would have: ascending numbers, or text by
    first row.
    (With the order of first appearance in the whole file, a test row could decide a tie.) Ids without a
    rating come last, in the order of the catalogue.

    Args:
        catalogue: All ids of the file.
        counts: `(size,)` number of training ratings of each id.
        first_row: `(size,)` first training row of each id; used for text only.
    """
    if catalogue.prefix is not None:
        return np.argsort(-counts, kind="stable")
    return np.lexsort((first_row, -counts))


def _inverse(order: NDArray[np.integer]) -> NDArray[np.int32]:
    inverse = np.empty(order.size, dtype=np.int32)
    inverse[order] = np.arange(order.size, dtype=np.int32)
    return inverse
