"""From the catalogue of a file's ids to a model's vocabulary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary


def by_popularity(
    catalogue: Vocabulary, index: NDArray[np.int32], rows: NDArray[np.int64]
) -> tuple[Vocabulary, NDArray[np.int32], NDArray[np.int64]]:
    """Return a model's vocabulary: the catalogue by falling number of ratings in `rows`.

    Args:
        catalogue: All ids of the file.
        index: `(table rows,)` position in the catalogue of each row's id.
        rows: `(t,)` positions of the training rows, ascending.

    Returns:
        The vocabulary, whose `warm` ids have ratings in `rows`; the `(size,)` int32 index in it of each
        position of the catalogue; and the `(size,)` int64 number of ratings of each id, non-increasing.
    """
    counts = np.bincount(index[rows], minlength=len(catalogue)).astype(np.int64)
    order = _popularity_order(catalogue, index, rows, counts)
    return catalogue.reordered(order, int(np.count_nonzero(counts))), _inverse(order), counts[order]


def _popularity_order(
    catalogue: Vocabulary, index: NDArray[np.int32], rows: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the positions in the catalogue from most to least rated.

    Ties keep the order that a catalogue of `rows` alone would have: ascending numbers, or text by first row.
    (With the order of first appearance in the whole file, a test row could decide a tie.) Ids without a
    rating come last, in the order of the catalogue.

    Args:
        catalogue: All ids of the file.
        index: `(table rows,)` position in the catalogue of each row's id.
        rows: `(t,)` ascending positions of the rows to count.
        counts: `(size,)` number of ratings of each id in `rows`.
    """
    if catalogue.prefix is not None:
        return np.argsort(-counts, kind="stable")
    first_row = np.full(counts.size, index.size, dtype=np.int64)
    np.minimum.at(first_row, index[rows], rows)
    return np.lexsort((first_row, -counts))


def _inverse(order: NDArray[np.integer]) -> NDArray[np.int32]:
    inverse = np.empty(order.size, dtype=np.int32)
    inverse[order] = np.arange(order.size, dtype=np.int32)
    return inverse
