"""Builds the catalogue of a file's ids, and a model's vocabulary from the catalogue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary, is_canonical_number
from training.data.raw import IdColumn


def build_catalogue(column: IdColumn, prefix: str) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Return all ids of one column, in an order that does not depend on how the file was read.

    If all ids are whole numbers (`7`), or all are whole numbers with the prefix (`user_7`), they become
    numbers in ascending order. A single other id, such as `007`, makes all of them text, verbatim and in
    order of first appearance, because `007` and `7` are different ids.

    Args:
        column: The ids of each row.
        prefix: The prefix of numbered ids: `user_` or `movie_`.

    Returns:
        The catalogue and the `(rows,)` int32 position of each row's id in it.
    """
    numbers = _numbers(column.texts, "") or _numbers(column.texts, prefix)
    if numbers is not None:
        values = np.array(numbers, dtype=np.int64)
        order = np.argsort(values)
        catalogue = Vocabulary.from_numbers(values[order], prefix)
    else:
        first_row = np.full(len(column.texts), column.codes.size, dtype=np.int64)
        np.minimum.at(first_row, column.codes, np.arange(column.codes.size))
        order = np.argsort(first_row)
        catalogue = Vocabulary.from_texts([column.texts[place] for place in order])
    return catalogue, _inverse(order)[column.codes]


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

    Ties keep the order that a catalogue of `rows` alone would have: ascending numbers, or text by first row. (With the order of first appearance in the whole file, a test row could decide a
    tie.) Ids without a rating come last, in the order of the catalogue.

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


def _numbers(texts: list[str], prefix: str) -> list[int] | None:
    numbers = []
    for text in texts:
        rest = text.removeprefix(prefix)
        if not (text.startswith(prefix) and is_canonical_number(rest)):
            return None
        numbers.append(int(rest))
    return numbers


def _inverse(order: NDArray[np.integer]) -> NDArray[np.int32]:
    inverse = np.empty(order.size, dtype=np.int32)
    inverse[order] = np.arange(order.size, dtype=np.int32)
    return inverse
