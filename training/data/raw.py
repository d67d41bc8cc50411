"""The output of every reader: checked columns, with ids still as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class IdColumn:
    """A column of ids that stores each distinct text once.

    Attributes:
        texts: Distinct ids, in unspecified order.
        codes: `(rows,)` int32 positions in `texts`.
    """

    texts: list[str]
    codes: NDArray[np.int32]


@dataclass(frozen=True)
class RawRatings:
    """The ratings of one file, in file order.

    Attributes:
        users: User ids.
        movies: Movie ids.
        ratings: `(rows,)` float32 stars, 0 to 5.
        timestamps: `(rows,)` int64 seconds since 1970, or None if the file has no such column.
        first_line: Line number of the first rating (row number in Parquet).
    """

    users: IdColumn
    movies: IdColumn
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    first_line: int
