"""The variational factorisation as a member of the teacher, for more ratings than the sampler can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Examples
from training.data.shards.shards import Shards, Side
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import VariationalSettings
from training.distillation.base.tiles import Tile
from training.factors.blocks import Tables, score
from training.factors.solver import OnRound, fit_variational_factors

# Part of the ratings held out to end the rounds; a teacher is also fitted where there are no validation rows.
_HELD_OUT: Final = 0.01
_STARS: Final = RatingScale(0.0, 5.0, None)


@dataclass(frozen=True)
class VariationalMember:
    """Factors that predict stars.

    Attributes:
        users: `(users, rank + 1)` factors; the last column is the bias.
        movies: `(movies, rank + 1)` likewise.
        centre: `()` added to every match, in logits.
    """

    users: Floats
    movies: Floats
    centre: Floats

    def tile(self, tile: Tile) -> Floats:
        """Return the `(users of the tile, movies of the tile)` predicted stars."""
        return self.predict(tile.users, tile.movies)

    def predict(self, users: slice, movies: slice | NDArray[np.int64]) -> Floats:
        """Return the `(users, movies)` predicted stars."""
        own, other = self.users[users], self.movies[movies]
        match: Floats = own[:, :-1] @ other[:, :-1].T
        match += own[:, -1:]
        match += other[:, -1] + np.float32(float(self.centre))
        np.exp(-match, out=match)
        match += 1
        np.divide(np.float32(_STARS.high), match, out=match)
        return match

    def predict_pairs(self, user: NDArray[np.int32], movie: NDArray[np.int32]) -> Floats:
        """Return the `(n,)` predicted stars of `(n,)` pairs."""
        pairs = Examples(user, movie, np.empty(0, np.float32))
        return score(pairs, Tables(self.users, self.movies, float(self.centre), _STARS))


def fit_variational_member(
    observed: Observed, settings: VariationalSettings, *, seed: int, on_round: OnRound | None = None
) -> VariationalMember:
    """Fit the factors; 1% of the ratings are held out to end the rounds.

    Args:
        observed: The training ratings.
        settings: Settings of the solver.
        seed: Seed of the held-out rows and of the random factors at the start.
        on_round: Called after each round.
    """
    held_out = np.random.default_rng([seed, 6]).random(len(observed)) < _HELD_OUT
    kept = np.flatnonzero(~held_out)
    by_movie = observed.by_movie.order
    validation = Examples(
        observed.user_index[held_out], observed.movie_index[held_out], observed.ratings[held_out]
    )
    shards = Shards(
        users=_side(observed, kept, observed.user_index, observed.movie_index, observed.users),
        movies=_side(
            observed,
            by_movie[~held_out[by_movie]],
            observed.movie_index,
            observed.user_index,
            observed.movies,
        ),
        validation=validation,
        test=validation,
        scale=_STARS,
        mean=float(observed.ratings[kept].mean(dtype=np.float64)),
    )
    found = fit_variational_factors(shards, settings, seed=seed, on_round=on_round)
    return VariationalMember(found.users, found.movies, np.array(found.centre, np.float32))


def _side(
    observed: Observed, rows: NDArray[np.int64], own: NDArray[np.int32], other: NDArray[np.int32], ids: int
) -> Side:
    starts = np.searchsorted(own[rows], np.arange(ids + 1)).astype(np.int64)
    return Side(starts, other[rows], observed.ratings[rows])
