"""The variational factorisation as a member of the teacher, for more ratings than the sampler can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Examples
from training.data.large_arrays import blocks, empty, release
from training.data.shards.shards import Shards, Side
from training.distillation.base.observed import Floats, Observed, SortedRatings
from training.distillation.base.settings import VariationalSettings
from training.distillation.base.tiles import Tile
from training.factors.blocks import Tables, score
from training.factors.solver import OnRound, Runner, fit_variational_factors

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
    observed: Observed,
    settings: VariationalSettings,
    *,
    seed: int,
    runner: Runner | None = None,
    on_round: OnRound | None = None,
) -> VariationalMember:
    """Fit the factors; 1% of the ratings are held out to end the rounds.

    Args:
        observed: The training ratings.
        settings: Settings of the solver.
        seed: Seed of the held-out rows and of the random factors at the start.
        runner: Solves the blocks; threads of this machine by default.
        on_round: Called after each round.
    """
    random = np.random.default_rng([seed, 6])
    held_out = np.empty(len(observed), np.bool_)
    for rows in blocks(len(observed)):
        held_out[rows] = random.random(rows.stop - rows.start) < _HELD_OUT
    validation = Examples(
        observed.user_index[held_out], observed.movie_index[held_out], observed.ratings[held_out]
    )
    users = _kept(observed.by_user, observed.ratings, held_out, validation.user_index)
    shards = Shards(
        users=users,
        movies=_kept(observed.by_movie, observed.ratings, held_out, validation.movie_index),
        validation=validation,
        test=validation,
        scale=_STARS,
        mean=float(users.stars.mean(dtype=np.float64)),
    )
    release(observed.user_index, observed.movie_index, observed.ratings)
    found = fit_variational_factors(shards, settings, seed=seed, runner=runner, on_round=on_round)
    return VariationalMember(found.users, found.movies, np.array(found.centre, np.float32))


def _kept(
    ratings: SortedRatings, stars: Floats, held_out: NDArray[np.bool_], left_out: NDArray[np.int32]
) -> Side:
    """Return the ratings by the ids of one side, without those that are held out.

    Args:
        ratings: The ratings sorted by the ids of this side.
        stars: `(n,)` in the order of `Observed`.
        held_out: `(n,)` likewise.
        left_out: `(held out,)` ids of this side of the ratings that are held out.
    """
    counts = np.diff(ratings.ends) - np.bincount(left_out, minlength=ratings.ends.size - 1)
    starts = np.append(0, np.cumsum(counts))
    kept, kept_stars = empty(int(starts[-1]), np.int32), empty(int(starts[-1]), np.float32)
    done = 0
    for rows in blocks(held_out.size):
        places = rows if isinstance(ratings.order, slice) else ratings.order[rows]
        here = ~held_out[places]
        end = done + int(here.sum())
        kept[done:end], kept_stars[done:end] = ratings.other[rows][here], stars[places][here]
        done = end
    release(ratings.other, stars, kept, kept_stars)
    if not isinstance(ratings.order, slice):
        release(ratings.order)
    return Side(starts, kept, kept_stars)
