"""The distribution of a rating around its prediction: an ordered logit with a spread for each user and movie.

A rating is the highest level whose cut point a latent variable exceeds. The latent variable has a logistic
distribution, whose scale is `exp(user's log scale + movie's log scale)`. Its location is the one at which the
mean of the distribution is the predicted rating, plus a small shift for the fifth of the users, by number of
ratings, because users with few of them give higher ones than a model predicts. All ratings share the levels
and cut points. The log scale belongs to one of a few classes, and only the class is stored for each id, in
two bits; the fifth follows from the index, since ids are in order of their number of ratings.

`uncertainty.bin` has the classes of the warm users, then those of the warm movies, four in a byte, the first
one in the lowest bits; the movies begin at a whole byte. The manifest has the levels, cut points and scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.manifest import UncertaintyFileRecord
from training.artefact.mapped import open_stated_file
from training.artefact.rating_scale import RatingScale
from training.errors import ArtefactDamaged

CLASSES: Final = 4
FIFTHS: Final = 5
_IN_A_BYTE: Final = 4
_SHIFTS: Final = np.arange(0, 8, 2, dtype=np.uint8)
# Locations at which the mean of a distribution is tabulated, and how far they extend, in scales.
_LOCATIONS: Final = 1024
_MARGIN: Final = 12.0
_ROUNDING: Final = 1e-9
SURE_COVERAGE: Final = 0.8
"""Coverage of the intervals whose lower ends order the movies of `rank_by=sure`."""
_BELOW_ONE: Final = 0.999

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spreads:
    """What all ids share.

    Attributes:
        levels: `(k,)` the possible ratings, ascending.
        cuts: `(k - 1,)` ascending cut points of the latent variable.
        users: `(CLASSES,)` log scale of each class of users.
        movies: `(CLASSES,)` likewise of movies.
        shifts: `(FIFTHS,)` what is added to the location for each fifth of users, those with the most ratings
            first.
        cold: `(3,)` log scale of a pair whose user is cold, whose movie is cold, and with both cold.
    """

    levels: Floats
    cuts: Floats
    users: Floats
    movies: Floats
    shifts: Floats
    cold: Floats

    def log_scales(self) -> Floats:
        """Return the log scale of each kind of pair: classes of users x movies, then the three cold ones."""
        return np.concatenate([np.add.outer(self.users, self.movies).ravel(), self.cold])


class Uncertainty:
    """Returns the distribution of the rating of any pair.

    Attributes:
        spreads: What all ids share.
        user_classes: `(warm users,)` uint8, below `CLASSES`.
        movie_classes: `(warm movies,)` likewise.
    """

    def __init__(
        self, spreads: Spreads, user_classes: NDArray[np.uint8], movie_classes: NDArray[np.uint8]
    ) -> None:
        self.spreads, self.user_classes, self.movie_classes = spreads, user_classes, movie_classes
        self._scales = np.exp(spreads.log_scales())

    @cached_property
    def _tables(self) -> list[tuple[Floats, Floats]]:
        """Means by location, for each kind of pair; they are not computed before they are needed."""
        spreads = self.spreads
        return [mean_table(spreads.levels, spreads.cuts, scale) for scale in self._scales.tolist()]

    @property
    def nbytes(self) -> int:
        """Bytes of the classes in the file, and of the shared numbers as float32."""
        shared = sum(int(array.size) for array in vars(self.spreads).values())
        return len(self.to_bytes()) + 4 * shared

    def kinds(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the `(n,)` kind of each pair of `(n,)` indices, a position in `Spreads.log_scales`.

        An index of -1, or beyond the warm ids, is cold.
        """
        cold_user = (user_index < 0) | (user_index >= self.user_classes.size)
        cold_movie = (movie_index < 0) | (movie_index >= self.movie_classes.size)
        kinds = np.full(user_index.shape, CLASSES**2 - 1, dtype=np.int64)
        kinds += cold_user + 2 * cold_movie.astype(np.int64)
        warm = ~(cold_user | cold_movie)
        users, movies = self.user_classes[user_index[warm]], self.movie_classes[movie_index[warm]]
        kinds[warm] = users.astype(np.int64) * CLASSES + movies
        return kinds

    def cumulative(
        self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32], ratings: NDArray[np.floating]
    ) -> Floats:
        """Return the probability that a rating is at most each level.

        Args:
            user_index: `(n,)`, -1 for an unknown user.
            movie_index: `(n,)`, -1 for an unknown movie.
            ratings: `(n,)` predicted ratings.

        Returns:
            `(n, k)`; the last column is 1.
        """
        kinds, found = self.kinds(user_index, movie_index), np.ones((ratings.size, self.spreads.levels.size))
        shifts = self._location_shifts(user_index, kinds)
        for kind in np.unique(kinds).tolist():
            rows = np.flatnonzero(kinds == kind)
            location = np.interp(ratings[rows], *self._tables[kind]) + shifts[rows]
            found[rows, :-1] = sigmoid((self.spreads.cuts - location[:, None]) / self._scales[kind])
        return found

    def _location_shifts(self, user_index: NDArray[np.int32], kinds: NDArray[np.int64]) -> Floats:
        """Return what is added to the location of each pair; 0 for cold pairs."""
        warm = kinds < CLASSES**2
        shifts = np.zeros(kinds.size)
        shifts[warm] = self.spreads.shifts[fifth_of(user_index[warm], self.user_classes.size)]
        return shifts

    def interval(self, cumulative: Floats, coverage: float) -> tuple[Floats, Floats]:
        """Return the `(n,)` lowest and highest rating of intervals.

        They are the lowest levels whose cumulative probability reaches `(1 - coverage) / 2` and
        `(1 + coverage) / 2`.

        Args:
            cumulative: `(n, k)` from `cumulative`.
            coverage: Probability of the interval, above 0 and below 1.
        """
        ends = (
            self.spreads.levels[(cumulative >= share - _ROUNDING).argmax(axis=1)]
            for share in ((1 - coverage) / 2, (1 + coverage) / 2)
        )
        low, high = ends
        return low, high

    def sure_keys(self, user_index: int, ratings: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return sort keys by the lower ends of intervals, of which equal ones are ordered by the rating.

        Args:
            user_index: A user, -1 for an unknown one.
            ratings: `(movies,)` predicted ratings of the first movies.

        Returns:
            `(movies,)` keys; a key is less than the step to the next level above the end.
        """
        movies = np.arange(ratings.size, dtype=np.int32)
        cumulative = self.cumulative(np.full(ratings.size, user_index, np.int32), movies, ratings)
        low, _ = self.interval(cumulative, SURE_COVERAGE)
        levels = self.spreads.levels
        share = np.clip((ratings - levels[0]) / (levels[-1] - levels[0]), 0, _BELOW_ONE)
        keys: NDArray[np.float32] = (low + float(np.diff(levels).min()) * share).astype(np.float32)
        return keys

    def to_bytes(self) -> bytes:
        """Return the content of `uncertainty.bin`."""
        return _pack(self.user_classes) + _pack(self.movie_classes)

    @classmethod
    def from_bytes(cls, content: bytes, spreads: Spreads, warm_users: int, warm_movies: int) -> Uncertainty:
        """Read the content of `uncertainty.bin`.

        Raises:
            ValueError: It does not have two bits for each warm id.
        """
        packed = np.frombuffer(content, np.uint8)
        middle = packed_bytes(warm_users)
        if packed.size != middle + packed_bytes(warm_movies):
            raise ValueError("there must be two bits for each warm id")
        return cls(spreads, _unpack(packed[:middle], warm_users), _unpack(packed[middle:], warm_movies))


def read_uncertainty(
    path: Path, stated: UncertaintyFileRecord, warm_users: int, warm_movies: int, scale: RatingScale
) -> Uncertainty:
    """Read the distributions at `path` and check them.

    Args:
        path: The file.
        stated: The manifest's record of the file.
        warm_users: Number of users with training ratings, each of which has a class.
        warm_movies: Likewise of movies.
        scale: Scale of the ratings.

    Raises:
        ArtefactMissing: The file does not exist.
        ArtefactDamaged: It differs from the manifest's record, or does not fit the vocabularies or the scale.
    """
    if stated.levels[0] < scale.low or stated.levels[-1] > scale.high:
        raise ArtefactDamaged(path, f"the manifest states a rating that is off the rating scale, {scale}")
    shared = stated.model_dump(exclude={"sha256", "bytes"})
    spreads = Spreads(**{name: np.array(numbers) for name, numbers in shared.items()})
    with open_stated_file(path, stated) as file:
        try:
            return Uncertainty.from_bytes(file.read(), spreads, warm_users, warm_movies)
        except ValueError as error:
            raise ArtefactDamaged(path, str(error)) from error


def fifth_of(index: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Return the `(n,)` fifth, from 0 to 4, of each index below `count`."""
    return index.astype(np.int64) * FIFTHS // max(count, 1)


def packed_bytes(count: int) -> int:
    """Return the bytes that the classes of `count` ids take."""
    return -(-count // _IN_A_BYTE)


def sigmoid(values: Floats) -> Floats:
    """Compute the logistic distribution's cumulative probabilities without overflow."""
    probabilities: Floats = 0.5 + 0.5 * np.tanh(values / 2)
    return probabilities


def mean_table(levels: Floats, cuts: Floats, scale: float) -> tuple[Floats, Floats]:
    """Tabulate the mean of the distribution by its location.

    Args:
        levels: `(k,)` ascending ratings.
        cuts: `(k - 1,)` ascending cut points.
        scale: Scale of the latent variable.

    Returns:
        `(m,)` ascending means, and their locations.
    """
    locations = np.linspace(cuts[0] - _MARGIN * scale, cuts[-1] + _MARGIN * scale, _LOCATIONS)
    means = levels[0] + sigmoid((locations[:, None] - cuts) / scale) @ np.diff(levels)
    return means, locations


def _pack(classes: NDArray[np.uint8]) -> bytes:
    padded = np.zeros(packed_bytes(classes.size) * _IN_A_BYTE, dtype=np.uint8)
    padded[: classes.size] = classes
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(padded.reshape(-1, _IN_A_BYTE) << _SHIFTS, axis=1)
    return packed.tobytes()


def _unpack(packed: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    return ((packed[:, None] >> _SHIFTS) & 3).ravel()[:count].astype(np.uint8)
