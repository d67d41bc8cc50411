"""The observed ratings of a data set, which a locally trained artefact may include as `ratings.bin`.

Three plain little-endian arrays, memory-mapped. Each begins at a multiple of 8 bytes; the gaps are zeros.

| array | type | what |
| --- | --- | --- |
| `starts (users + 1,)` | uint32, uint64 above 2^32 - 1 rows | the ratings of user index `u` are at `starts[u]` up to `starts[u + 1]` |
| `movies (rows,)` | uint16, uint32 above 65,536 movies | movie indices, ascending within a user |
| `stars (rows,)` | uint8, or float32 | steps above the lowest rating, or ratings that are not on so few steps |

Users and movies are those of the artefact's vocabularies, including cold ones. The types follow from the counts in
the manifest; the file has no header. A rating takes three bytes in nearly all data sets. Files of format version 2
have half stars, which are steps of the scale 0 to 5.
"""  # noqa: E501 - a table row

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.manifest import RatingsFileRecord, StarsKind
from training.artefact.mapped import MappedFile, open_stated_file
from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale
from training.errors import ArtefactDamaged

_ALIGNMENT: Final = 8
# Ratings per block while a file is checked; it bounds the memory.
_CHECKED: Final = 262_144
# Ratings per block while they are sorted, likewise.
_SORTED: Final = 2**23


@dataclass(frozen=True)
class GivenRatings:
    """Observed ratings by user.

    Attributes:
        starts: `(users + 1,)` offset of each user's first rating, and the end of the last.
        movies: `(rows,)` movie indices, ascending within a user.
        stars: `(rows,)` uint8 steps above the lowest rating, or float32 ratings.
        scale: Scale of the ratings.
    """

    starts: NDArray[Any]
    movies: NDArray[Any]
    stars: NDArray[Any]
    scale: RatingScale = DEFAULT_SCALE

    @classmethod
    def from_rows(
        cls,
        user_index: NDArray[np.integer],
        movie_index: NDArray[np.integer],
        ratings: NDArray[np.float32],
        users: int,
        movies: int,
        scale: RatingScale = DEFAULT_SCALE,
    ) -> GivenRatings:
        """Sort the ratings of a data set by user and movie.

        Args:
            user_index: `(rows,)` in any order, each pair of user and movie once.
            movie_index: `(rows,)` likewise.
            ratings: `(rows,)` on the scale.
            users: Number of users.
            movies: Number of movies.
            scale: Scale of the ratings.
        """
        return cls.from_parts([(user_index, movie_index, ratings)], users, movies, scale)

    @classmethod
    def from_parts(
        cls,
        parts: Sequence[tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.float32]]],
        users: int,
        movies: int,
        scale: RatingScale = DEFAULT_SCALE,
        block_rows: int = _SORTED,
    ) -> GivenRatings:
        """Sort the ratings of a data set by user and movie, block by block, without joining its parts.

        Args:
            parts: User indices, movie indices and ratings of each part, as for `from_rows`.
            users: Number of users.
            movies: Number of movies.
            scale: Scale of the ratings.
            block_rows: Maximum number of ratings per block; a user's ratings are never divided.
        """
        starts = np.zeros(users + 1, dtype=np.int64)
        for user_index, _, _ in parts:
            starts[1:] += np.bincount(user_index, minlength=users)
        np.cumsum(starts, out=starts)
        rows = int(starts[-1])
        steps = all(_are_steps(ratings, scale) for _, _, ratings in parts)
        types = _types(users, movies, rows, "steps" if steps else "float32")
        given = cls(
            starts=starts.astype(types[0][0]),
            movies=np.empty(rows, dtype=types[1][0]),
            stars=np.empty(rows, dtype=types[2][0]),
            scale=scale,
        )
        first = 0
        while first < users:
            # At least one user; the others as long as the block is not too large.
            last = max(int(np.searchsorted(starts, starts[first] + block_rows, side="right")) - 1, first + 1)
            _sort_block(given, parts, first, last, slice(int(starts[first]), int(starts[last])))
            first = last
        return given

    def __len__(self) -> int:
        return int(self.movies.size)

    @property
    def kind(self) -> StarsKind:
        """Encoding of the ratings."""
        return "steps" if self.stars.dtype == np.uint8 else "float32"

    def of_user(self, user_index: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return the ratings of a user.

        Args:
            user_index: Within the vocabulary.

        Returns:
            `(n,)` movie indices, ascending, and `(n,)` ratings.
        """
        rows = slice(int(self.starts[user_index]), int(self.starts[user_index + 1]))
        return self.movies[rows], self.scale.from_steps(self.stars[rows])

    def write(self, path: Path) -> None:
        """Write the arrays to a new file."""
        with path.open("wb") as file:
            for array in (self.starts, self.movies, self.stars):
                file.write(b"\0" * (-file.tell() % _ALIGNMENT))
                array.tofile(file)


def read_given_ratings(
    path: Path, stated: RatingsFileRecord, users: int, movies: int, scale: RatingScale = DEFAULT_SCALE
) -> GivenRatings:
    """Map the ratings at `path` and check each of them.

    Args:
        path: The file.
        stated: The manifest's record of the file.
        users: Size of the users' vocabulary.
        movies: Size of the movies' vocabulary.
        scale: Scale of the ratings.

    Raises:
        ArtefactMissing: The file does not exist.
        ArtefactDamaged: It differs from the manifest's record, or does not fit the vocabularies.
    """
    places = []
    end = 0
    for dtype, count in _types(users, movies, stated.rows, stated.stars):
        start = end + -end % _ALIGNMENT
        places.append((dtype, count, start))
        end = start + count * dtype.itemsize
    if end != stated.bytes:
        raise ArtefactDamaged(path, f"the manifest states {stated.bytes} bytes, but its counts come to {end}")
    with open_stated_file(path, stated) as file:
        mapped = MappedFile(file)
        arrays = [mapped.array(dtype, (count,), start) for dtype, count, start in places]
        given = GivenRatings(arrays[0], arrays[1], arrays[2], scale)
        fault = _fault(given, movies)
        if fault is not None:
            raise ArtefactDamaged(path, fault)
        mapped.forget_pages()
    return given


def _types(users: int, movies: int, rows: int, kind: StarsKind) -> list[tuple[np.dtype[Any], int]]:
    """Type and length of each array, in file order."""
    return [
        (np.dtype("<u4" if rows < 2**32 else "<u8"), users + 1),
        (np.dtype("<u2" if movies <= 2**16 else "<u4"), rows),
        (np.dtype("<f4" if kind == "float32" else "u1"), rows),
    ]


def _are_steps(ratings: NDArray[np.float32], scale: RatingScale) -> bool:
    return scale.has_byte_steps and all(
        scale.to_steps(ratings[first : first + _CHECKED]) is not None
        for first in range(0, ratings.size, _CHECKED)
    )


def _sort_block(
    given: GivenRatings,
    parts: Sequence[tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.float32]]],
    first: int,
    last: int,
    place: slice,
) -> None:
    """Fill in the ratings of the users from `first` up to `last`, whose place in the arrays is given."""
    chosen = [np.flatnonzero((users >= first) & (users < last)) for users, _, _ in parts]
    users, movies, ratings = (
        np.concatenate([part[which][rows] for part, rows in zip(parts, chosen, strict=True)])
        for which in range(3)
    )
    order = np.lexsort((movies, users))
    stars = given.scale.to_steps(ratings) if given.kind == "steps" else ratings
    assert stars is not None, "each part was checked"
    given.movies[place] = movies[order]
    given.stars[place] = stars[order]


def _fault(given: GivenRatings, movies: int) -> str | None:
    """Return what is wrong with the arrays, or None; reads one block at a time."""
    starts = given.starts
    if int(starts[0]) != 0 or int(starts[-1]) != len(given):
        return "the users' ratings do not span the file"
    for first in range(0, starts.size - 1, _CHECKED):
        block = starts[first : first + _CHECKED + 1]
        if np.any(block[1:] < block[:-1]):
            return "a user's ratings end before they begin"
    lowest, highest = map(np.float32, given.scale.bounds)
    for first in range(0, len(given), _CHECKED):
        ratings = given.scale.from_steps(given.stars[first : first + _CHECKED])
        # This form of the condition fails for NaN, too.
        if not np.all((ratings >= lowest) & (ratings <= highest)):
            return f"a rating is off the scale, which is {given.scale}"
        block = given.movies[first : first + _CHECKED + 1]
        if int(block.max()) >= movies:
            return "a movie is not in the vocabulary"
        # In the array's own type; otherwise NumPy would convert the whole array.
        falls = (first + 1 + np.flatnonzero(block[1:] <= block[:-1])).astype(starts.dtype)
        if not np.array_equal(starts[np.searchsorted(starts, falls)], falls):
            return "a user's movies do not ascend"
    return None
