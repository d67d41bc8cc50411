"""The ranking of an artefact, `ranking.bin`: factors that order movies by how likely a user is to like them.

The sort key of a pair is the product of the user's vector with the movie's, plus the movie's bias. Only the most
popular movies have a vector. A user who is not in the table is folded in: the mean of the vectors of the movies that
the user liked, times the square root of their number, is mapped to the user's vector by a small matrix.

Little-endian arrays without a header or gaps; their shapes follow from the manifest.

| array | type | what |
| --- | --- | --- |
| `fold_in (rank + 1, rank)` | float16 | maps the movies of a user, and a constant 1, to the user's vector |
| `user_steps (rank,)` | float16 | distance between neighbouring values of each column |
| `movie_steps (rank + 1,)` | float16 | likewise; the last column is the bias |
| `user_codes`, `movie_codes` | uint8 | packed tables of one block (see `training.families.packed_table`) |
"""  # noqa: E501 - a table row

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from training.artefact.manifest import RankingFileRecord
from training.artefact.mapped import MappedFile, open_stated_file
from training.errors import ArtefactDamaged
from training.families.packed_table import PackedSide, PackedTable, stream_bytes
from training.families.table import Floats

Halves = NDArray[np.float16]
Bytes = NDArray[np.uint8]
# The key of movies without a vector: they come after all others, the most popular ones first.
LAST: Final = np.finfo(np.float32).min


@dataclass(frozen=True)
class RankingTable:
    """Factors of users and movies.

    Attributes:
        users: `(users, rank)` vectors.
        movies: `(movies, rank + 1)` vectors of the most popular movies, and their biases.
        fold_in: `(rank + 1, rank)` float16.
        liked: Lowest rating of a movie that a user liked.
        mean_liked: Mean number of training ratings of a user that are at least that.
    """

    users: PackedTable
    movies: PackedTable
    fold_in: Halves
    liked: float
    mean_liked: float

    @property
    def nbytes(self) -> int:
        """Bytes of the file."""
        return sum(array.nbytes for _, array in self._arrays())

    @property
    def user_count(self) -> int:
        """Number of users with a vector."""
        return sum(self.users.block_sizes)

    @property
    def movie_count(self) -> int:
        """Number of movies with a vector."""
        return sum(self.movies.block_sizes)

    def keys_of_user(self, user_index: int, movies: int) -> Floats:
        """Return `(movies,)` sort keys of the most popular movies for a user of the table."""
        return self.keys(self._user_side.row(user_index), movies)

    def vector_of_user(self, user_index: int, liked: NDArray[np.integer]) -> Floats:
        """Return the `(rank,)` vector of a user of the table who has liked more movies since.

        It is the mean of the stored vector and that of the new movies, weighted by their numbers of movies.
        How many the user liked before is not stored, so it is taken to be the mean number.
        """
        known, new = self._user_side.row(user_index), self._with_vector(liked).size
        if not new:
            return known
        share = np.float32(new / (self.mean_liked + new))
        return (1 - share) * known + share * self.fold(liked)

    def fold(self, liked: NDArray[np.integer]) -> Floats:
        """Return the `(rank,)` vector of a user who liked some movies; without any, that of an average user.

        Args:
            liked: `(n,)` indices of movies; those without a vector are ignored.
        """
        matrix = self.fold_in.astype(np.float32)
        rows = self._movie_side.rows(self._with_vector(liked))[:, :-1]
        vector: Floats = matrix[-1] + rows.sum(axis=0) / np.float32(max(len(rows), 1) ** 0.5) @ matrix[:-1]
        return vector

    def keys(self, vector: Floats, movies: int) -> Floats:
        """Return `(movies,)` sort keys of the most popular movies for a user with this `(rank,)` vector."""
        keys = np.full(movies, LAST, np.float32)
        own = self._movie_side.products(np.append(vector, np.float32(1)))
        keys[: own.size] = own[:movies]
        return keys

    def record(self) -> dict[str, Any]:
        """Return the fields of the manifest's record, without those of the file."""
        return {
            "users": self.user_count,
            "movies": self.movie_count,
            "user_bits": self.users.widths[0].tolist(),
            "movie_bits": self.movies.widths[0].tolist(),
            "liked": self.liked,
            "mean_liked": self.mean_liked,
        }

    def write(self, path: Path) -> None:
        """Write the arrays to a new file."""
        with path.open("wb") as file:
            for dtype, array in self._arrays():
                file.write(array.astype(dtype).tobytes())

    def _arrays(self) -> list[tuple[str, NDArray[Any]]]:
        return [
            ("<f2", self.fold_in),
            ("<f2", self.users.steps),
            ("<f2", self.movies.steps),
            ("u1", self.users.codes),
            ("u1", self.movies.codes),
        ]

    def _with_vector(self, movies: NDArray[np.integer]) -> NDArray[np.integer]:
        return movies[(movies >= 0) & (movies < self.movie_count)]

    @cached_property
    def _user_side(self) -> PackedSide:
        return PackedSide(self.users, None)

    @cached_property
    def _movie_side(self) -> PackedSide:
        return PackedSide(self.movies, None)


def read_ranking(path: Path, stated: RankingFileRecord, users: int, movies: int) -> RankingTable:
    """Map the ranking at `path` and check it.

    Args:
        path: The file.
        stated: The manifest's record of the file.
        users: Number of users with training ratings, each of which has a vector.
        movies: Number of movies with training ratings.

    Raises:
        ArtefactMissing: The file does not exist.
        ArtefactDamaged: It differs from the manifest's record, or does not fit the vocabularies.
    """
    if stated.users != users or stated.movies > movies:
        raise ArtefactDamaged(
            path, "there must be one vector for each warm user, and at most one for a warm movie"
        )
    rank = len(stated.user_bits)
    sides = [
        (np.array([bits], np.uint8), (count,))
        for bits, count in ((stated.user_bits, stated.users), (stated.movie_bits, stated.movies))
    ]
    half, byte = np.dtype("<f2"), np.dtype("u1")
    shapes: list[tuple[np.dtype[Any], tuple[int, ...]]] = [
        (half, (rank + 1, rank)),
        (half, (1, rank)),
        (half, (1, rank + 1)),
        *((byte, (int(stream_bytes(widths, sizes).sum()),)) for widths, sizes in sides),
    ]
    lengths = [int(np.prod(shape)) * dtype.itemsize for dtype, shape in shapes]
    if sum(lengths) != stated.bytes:
        raise ArtefactDamaged(
            path, f"the manifest states {stated.bytes} bytes, but its counts come to {sum(lengths)}"
        )
    with open_stated_file(path, stated) as file:
        mapped = MappedFile(file)
        starts = np.cumsum([0, *lengths[:-1]]).tolist()
        fold_in, user_steps, movie_steps, *codes = (
            mapped.array(dtype, shape, start) for (dtype, shape), start in zip(shapes, starts, strict=True)
        )
    if not all(np.isfinite(array.astype(np.float32)).all() for array in (fold_in, user_steps, movie_steps)):
        raise ArtefactDamaged(path, "has a number that is not finite")
    (user_widths, user_sizes), (movie_widths, movie_sizes) = sides
    user_codes, movie_codes = codes
    return RankingTable(
        PackedTable(user_sizes, user_widths, cast(Halves, user_steps), cast(Bytes, user_codes)),
        PackedTable(movie_sizes, movie_widths, cast(Halves, movie_steps), cast(Bytes, movie_codes)),
        cast(Halves, fold_in),
        stated.liked,
        stated.mean_liked,
    )
