"""What every reader hands on: checked columns, ids still as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class IdColumn:
    """A column of ids, each distinct text held once.

    Attributes:
        texts: Distinct ids, in no promised order.
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
        timestamps: `(rows,)` int64 seconds since 1970, or None where the file has no such column.
        first_line: Line (Parquet: row) number of the first rating.
    """

    users: IdColumn
    movies: IdColumn
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    first_line: int
