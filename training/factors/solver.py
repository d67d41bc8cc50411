"""Fit factors by rounds of variational updates, in blocks of rows on all cores or through another runner.

A round solves for all users given the movies, then for all movies given the users. After each half, the prior
of that side (a full normal distribution, which relates biases and factors, and shrinks factors that the data
does not support) and the precision of the noise of each of its ids are estimated again. Rounds end when the
error on the validation rows does; the means with the least error are returned.

The result depends neither on the number of cores nor on the division into blocks.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.artefact.files import atomic_write
from training.data.dataset import Examples
from training.data.large_arrays import release
from training.data.shards.shards import Shards, Side
from training.distillation.base.settings import VariationalSettings
from training.distillation.base.threads import in_threads, one_blas_thread, ranges
from training.factors.blocks import (
    MAX_STARS,
    Block,
    Doubles,
    Floats,
    OtherSide,
    Solved,
    Tables,
    error,
    first_moments,
    second_moments,
    solve,
)

Piece = TypeVar("Piece")
Shared = TypeVar("Shared")
Result = TypeVar("Result")

OnRound = Callable[[int, int, float | None], None]
"""Called after each round with (rounds done, rounds at most, validation error in stars squared if known)."""

# Solving for a row costs about as much as this number of ratings for each factor.
_RATINGS_PER_FACTOR: Final = 8
_PAIRS_PER_BLOCK: Final = 1_000_000
_FIRST_PRECISION: Final = 10.0
# The covariance of the prior is estimated as if one more row had the identity as its second moment.
_PRIOR_ROWS: Final = 1.0
# The logit of the mean rating stays finite.
_LEAST_SHARE: Final = 0.01


class Runner(Protocol):
    """Runs a function on blocks, here or on other machines."""

    def run(
        self,
        function: Callable[[Piece, Shared], Result],
        blocks: Sequence[Piece],
        shared: Shared,
    ) -> Iterator[Result]:
        """Yield `function(block, shared)` for every block, in the order of the blocks.

        Args:
            function: A pure function of a module, so that it can be pickled.
            blocks: The same objects in every call for the same side.
            shared: Arguments that all blocks have in common; they differ from call to call.
        """
        ...  # pragma: no cover


class ThreadRunner:
    """Runs blocks in one thread per core of this machine."""

    def run(
        self,
        function: Callable[[Piece, Shared], Result],
        blocks: Iterable[Piece],
        shared: Shared,
    ) -> Iterator[Result]:
        """Yield `function(block, shared)` for every block, in the order of the blocks."""
        return in_threads(lambda block: function(block, shared), blocks)


@dataclass(frozen=True)
class VariationalFactors:
    """The result: means of the posterior with the least validation error.

    Attributes:
        users: `(users, rank + 1)` factors; the last column is the bias.
        movies: `(movies, rank + 1)` likewise.
        centre: Added to every match, in logits.
        history: Validation error after each round, in stars squared; the precision of the noise if there are
            no validation rows.
        best_round: The round that the means are from, counted from 1.
    """

    users: Floats
    movies: Floats
    centre: float
    history: tuple[float, ...]
    best_round: int


@dataclass
class _SideState:
    """What is known of one side. `moments` are None if they are not needed until they are computed again."""

    means: Floats
    moments: Floats | None
    trust: Floats
    prior_mean: Doubles
    prior_precision: Doubles

    @classmethod
    def start(cls, means: Floats) -> _SideState:
        columns = means.shape[1]
        trust = np.ones(len(means), np.float32)
        return cls(means, None, trust, np.zeros(columns), np.eye(columns) * _FIRST_PRECISION)

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        return {f"{name}_{key}": value for key, value in vars(self).items() if value is not None}

    @classmethod
    def of(cls, name: str, arrays: dict[str, NDArray[Any]]) -> _SideState:
        keys = ("means", "moments", "trust", "prior_mean", "prior_precision")
        return cls(**{key: arrays.get(f"{name}_{key}") for key in keys})  # type: ignore[arg-type]


@dataclass
class _State:
    """The state after a number of rounds, from which the next one starts."""

    users: _SideState
    movies: _SideState
    history: list[float]
    best: tuple[Floats, Floats]
    best_round: int


@one_blas_thread()
def fit_variational_factors(
    shards: Shards,
    settings: VariationalSettings,
    *,
    seed: int = 0,
    runner: Runner | None = None,
    checkpoint: Path | None = None,
    on_round: OnRound | None = None,
) -> VariationalFactors:
    """Fit factors and biases to the training ratings.

    Args:
        shards: The ratings; its validation rows, if any, decide when rounds end.
        settings: Settings of the solver.
        seed: Seed of the random factors at the start.
        runner: Runs the blocks; threads of this machine by default.
        checkpoint: A file that is replaced atomically after each round. If it is from the same data,
            settings and seed, fitting resumes after its round.
        on_round: Called after each round.

    Raises:
        OSError: The checkpoint cannot be written.
    """
    solver = _Solver(shards, settings, runner or ThreadRunner())
    key = _key(shards, settings, seed)
    state = (_load(checkpoint, key) if checkpoint else None) or solver.start(seed)
    while not solver.is_done(state):
        solver.round(state)
        if checkpoint:
            _save(checkpoint, key, state)
        if on_round:
            known = state.history[-1] if len(shards.validation) else None
            on_round(len(state.history), settings.rounds, known)
    users, movies = state.best
    users, movies, centre = _centred(users, movies, solver.centre, shards)
    return VariationalFactors(users, movies, centre, tuple(state.history), state.best_round)


class _Solver:
    def __init__(self, shards: Shards, settings: VariationalSettings, runner: Runner) -> None:
        self._shards, self._settings, self._runner = shards, settings, runner
        self._blocks = [_blocks(side, settings.rank) for side in (shards.users, shards.movies)]
        self._validation = list(_pairs(shards.validation))
        stars = float(shards.scale.to_stars(np.array([shards.mean], np.float32))[0])
        share = float(np.clip(stars / MAX_STARS, _LEAST_SHARE, 1 - _LEAST_SHARE))
        self.centre = float(np.log(share / (1 - share)))

    def start(self, seed: int) -> _State:
        """Return the state before the first round: small random factors, no biases."""
        random = np.random.default_rng([seed, 5])
        sides = []
        for side in (self._shards.users, self._shards.movies):
            means = np.zeros((side.ids, self._settings.rank + 1), np.float32)
            spread = np.float32(self._settings.first_spread)
            means[:, :-1] = spread * random.standard_normal((side.ids, self._settings.rank), np.float32)
            sides.append(_SideState.start(means))
        users, movies = sides
        movies.moments = first_moments(movies.means)
        return _State(users, movies, [], (users.means, movies.means), 0)

    def is_done(self, state: _State) -> bool:
        """Return whether there is nothing to gain by another round."""
        rounds, settings = len(state.history), self._settings
        late = len(self._shards.validation) > 0 and rounds - state.best_round >= settings.patience
        return rounds >= settings.rounds or late

    def round(self, state: _State) -> None:
        """Solve for users, then for movies, and measure the error on the validation rows."""
        shards, strength = self._shards, self._settings.noise_strength
        users, movies = state.users, state.movies
        residuals = self._solve(0, users, movies)
        common = max(float(residuals.sum()), 1e-9) / max(len(shards), 1)
        counts = shards.users.counts
        users.trust = ((strength + counts / 2) / (strength * common + residuals / 2)).astype(np.float32)
        movies.moments = None
        residuals = self._solve(1, movies, users)
        counts = shards.movies.counts
        movies.trust = ((strength + counts / 2) / (strength + residuals / 2)).astype(np.float32)
        users.moments = None
        state.history.append(self._error(users, movies) if self._validation else 1 / common)
        before = min(state.history[:-1][: state.best_round], default=np.inf)
        if not self._validation or state.history[-1] < before - self._settings.least_gain:
            state.best, state.best_round = (users.means, movies.means), len(state.history)

    def _solve(self, place: int, own: _SideState, other: _SideState) -> Doubles:
        """Solve for one side; return the expected squared residuals of each row."""
        assert other.moments is not None
        blocks, side = self._blocks[place], (self._shards.users, self._shards.movies)[place]
        shared = OtherSide(
            own.means,
            own.trust,
            other.means,
            other.moments,
            other.trust,
            own.prior_mean,
            own.prior_precision,
            self.centre,
            self._shards.scale,
        )
        means = np.empty_like(own.means)
        moments = np.empty((len(means), other.moments.shape[1]), np.float32)
        residuals = np.empty(len(means))
        results: Iterator[Solved] = self._runner.run(solve, blocks, shared)
        for block, solved in zip(blocks, results, strict=True):
            rows = slice(block.first, block.last)
            means[rows], moments[rows], residuals[rows] = solved.means, solved.moments, solved.residuals
        # The next step reads the other side.
        release(side.others, side.stars)
        own.means, own.moments = means, moments
        warm = side.counts > 0
        # Rows without ratings are drawn from the prior, so they say nothing about it.
        own.prior_mean, own.prior_precision = _prior(means[warm], moments[warm])
        return residuals

    def _error(self, users: _SideState, movies: _SideState) -> float:
        tables = Tables(users.means, movies.means, self.centre, self._shards.scale)
        total = sum(self._runner.run(error, self._validation, tables))
        return total / len(self._shards.validation)


def _blocks(side: Side, rank: int) -> list[Block]:
    rows = ranges(np.asarray(side.starts), cost_of_row=_RATINGS_PER_FACTOR * rank)
    return [Block(part.start, part.stop, side.block(part.start, part.stop)) for part in rows]


def _pairs(examples: Examples) -> Iterator[Examples]:
    for first in range(0, len(examples), _PAIRS_PER_BLOCK):
        part = slice(first, first + _PAIRS_PER_BLOCK)
        yield Examples(examples.user_index[part], examples.movie_index[part], examples.ratings[part])


def _prior(means: Floats, moments: Floats) -> tuple[Doubles, Doubles]:
    """Estimate the mean and the precision of a normal prior from the posterior of its rows."""
    count, columns = means.shape
    if not count:
        return np.zeros(columns), np.eye(columns) * _FIRST_PRECISION
    mean = means.mean(axis=0, dtype=np.float64)
    scatter = second_moments(moments, columns) - count * np.outer(mean, mean)
    covariance = (scatter + _PRIOR_ROWS * np.eye(columns)) / (count + _PRIOR_ROWS)
    return mean, np.linalg.inv(covariance)


def _centred(users: Floats, movies: Floats, centre: float, shards: Shards) -> tuple[Floats, Floats, float]:
    """Move the mean of the factors into the biases; the predictions stay the same.

    A pair with a cold side is predicted from the other side's bias, which has to be its mean match therefore.
    Means are over training ratings.
    """
    own, other = users.astype(np.float64), movies.astype(np.float64)
    own_share, other_share = (side.counts / max(len(shards), 1) for side in (shards.users, shards.movies))
    own_mean, other_mean = own_share @ own[:, :-1], other_share @ other[:, :-1]
    own[:, :-1] -= own_mean
    own[:, -1] += own[:, :-1] @ other_mean
    other[:, -1] += other[:, :-1] @ own_mean
    other[:, :-1] -= other_mean
    for share, side in ((own_share, own), (other_share, other)):
        mean = float(share @ side[:, -1])
        side[:, -1] -= mean
        centre += mean
    return own.astype(np.float32), other.astype(np.float32), centre


def _key(shards: Shards, settings: VariationalSettings, seed: int) -> str:
    """Return a digest of everything that determines the result."""
    digest = hashlib.sha256(json.dumps([settings.model_dump(), seed, shards.mean], sort_keys=True).encode())
    for array in (
        shards.users.starts,
        shards.users.others,
        shards.users.stars,
        shards.validation.user_index,
        shards.validation.movie_index,
        shards.validation.ratings,
    ):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _save(path: Path, key: str, state: _State) -> None:
    arrays = {
        **state.users.arrays("users"),
        **state.movies.arrays("movies"),
        "best_users": state.best[0],
        "best_movies": state.best[1],
        "history": np.array(state.history),
        "best_round": np.array(state.best_round),
        "key": np.array(key),
    }
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type, unused-ignore]


def _load(path: Path, key: str) -> _State | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return _State(
        _SideState.of("users", arrays),
        _SideState.of("movies", arrays),
        arrays["history"].tolist(),
        (arrays["best_users"], arrays["best_movies"]),
        int(arrays["best_round"]),
    )
