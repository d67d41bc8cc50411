"""Fit a small packed model to the predictions of a teacher, in four steps.

1. Weighted singular value decomposition of the teacher's logits (`factors`).
2. Alternating Gauss-Newton least squares in floats (`least_squares`).
3. Principal axes, then bits for every (block, column) within the limits (`packing`).
4. The same least squares on the codes themselves.

There is no gradient descent and no straight-through estimator: each step solves for a whole side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.compress.quantisation import best_steps
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import StudentSettings
from training.distillation.base.threads import one_blas_thread
from training.distillation.base.tiles import Predictions, Tile, is_sample
from training.distillation.student.factors import (
    SIDES,
    Factors,
    SideName,
    in_principal_axes,
    start_from_logits,
)
from training.distillation.student.least_squares import Target, float_step, objective, packed_step
from training.distillation.student.packing import GLOBAL_BIAS_BYTES, Layout, allocate, student_blocks
from training.distillation.student.propensity import pair_weights
from training.factors.solver import Runner, ThreadRunner
from training.families.packed_table import PackedTable

OnRound = Callable[[int, int], None]
"""Called with (rounds done, rounds in all)."""

# The start from a sample of the pairs is poor, so further rounds are made until one gains little.
_LEAST_GAIN: Final = 0.02
_MOST_FLOAT_ROUNDS: Final = 12


@dataclass(frozen=True)
class Student:
    """A packed dot-product model with biases.

    Attributes:
        users: `(users, rank + 1)` factors; the last column is the user's bias.
        movies: `(movies, rank + 1)` likewise.
        global_bias: Added to every logit.
        objective: Weighted mean squared error against the teacher after each round.
    """

    users: PackedTable
    movies: PackedTable
    global_bias: np.float32
    objective: tuple[float, ...]

    @property
    def rank(self) -> int:
        """Number of factors of a user or movie."""
        return int(self.users.widths.shape[1]) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, including the global bias."""
        return self.users.nbytes + self.movies.nbytes + GLOBAL_BIAS_BYTES

    @property
    def parameter_count(self) -> int:
        """Number of logical scalars, including the global bias."""
        return self.users.parameter_count + self.movies.parameter_count + 1

    def predict(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> Floats:
        """Return the `(n,)` predicted stars of `(n,)` pairs."""
        factors = Factors(self.users.values(), self.movies.values(), float(self.global_bias))
        return factors.predict(user_index, movie_index)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store, by name."""
        arrays: dict[str, NDArray[Any]] = {
            "global_bias": np.array(self.global_bias),
            "objective": np.array(self.objective),
        }
        for side, table in (("users", self.users), ("movies", self.movies)):
            arrays |= {f"{side}_{name}": np.array(value) for name, value in vars(table).items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Student:
        """Restore a student from the arrays of `to_arrays`."""
        users, movies = (
            PackedTable(
                tuple(arrays[f"{side}_block_sizes"].tolist()),
                arrays[f"{side}_widths"],
                arrays[f"{side}_steps"],
                arrays[f"{side}_codes"],
            )
            for side in ("users", "movies")
        )
        bias = np.float32(arrays["global_bias"])
        return cls(users, movies, bias, tuple(arrays["objective"].tolist()))


@one_blas_thread()
def fit_student(
    observed: Observed,
    teacher: Predictions,
    settings: StudentSettings,
    tiles: Sequence[Tile],
    *,
    seed: int,
    runner: Runner | None = None,
    on_round: OnRound | None = None,
) -> Student:
    """Fit and pack a student.

    Args:
        observed: The training ratings; only the rated pairs are used, not their values.
        teacher: Predictions to fit.
        settings: Rank, limits and rounds.
        tiles: The pairs on which it is fitted, which include those that `teacher` was written for.
        seed: Seed of the random starts of the subspace iterations.
        runner: Computes the tiles; threads of this machine by default. On other machines, `teacher` must not
            need a file.
        on_round: Called after each round.

    Raises:
        SettingsError: The limits are too small for this many users and movies.
    """
    user_blocks, movie_blocks = student_blocks(settings, observed.users, observed.movies)
    float_rounds, reached = settings.float_rounds, list[float]()

    def report(factors: Factors) -> None:
        reached.append(objective(factors, target))
        if on_round:
            on_round(len(reached), float_rounds + settings.packed_rounds + 1)

    def start_is_poor() -> bool:
        if not is_sample(tiles) or not 1 < len(reached) <= _MOST_FLOAT_ROUNDS:
            return False
        return reached[-1] < (1 - _LEAST_GAIN) * reached[-2]

    runner = runner or ThreadRunner()
    target = Target(teacher, pair_weights(observed, settings, seed=seed), tiles, runner)
    factors = start_from_logits(teacher, observed, tiles, rank=settings.rank, seed=seed, runner=runner)
    report(factors)
    while len(reached) <= float_rounds or start_is_poor():
        float_rounds = max(float_rounds, len(reached))
        for side in SIDES:
            factors = float_step(factors, target, side, settings.ridge)
        report(factors)
    factors = in_principal_axes(factors, observed)
    # The codes are fitted with the bias as it is stored, in float32.
    bias = np.float32(factors.global_bias)
    factors = Factors(factors.users, factors.movies, float(bias))
    factors, layout = allocate(factors, target, settings, user_blocks, movie_blocks)
    factors, steps = _round(factors, layout)
    for _ in range(settings.packed_rounds):
        for side in SIDES:
            factors, steps[side] = packed_step(factors, target, side, layout[side], settings)
        report(factors)
    return Student(
        users=layout["users"].pack(factors.users, steps["users"]),
        movies=layout["movies"].pack(factors.movies, steps["movies"]),
        global_bias=bias,
        objective=tuple(reached),
    )


def _round(factors: Factors, layout: Layout) -> tuple[Factors, dict[SideName, Floats]]:
    """Round both sides without refitting them, and return their steps."""
    steps = {}
    for side in SIDES:
        table, widths = factors.side(side), layout[side]
        steps[side] = best_steps(table, widths.widths, widths.block_sizes)
        factors = factors.with_side(side, widths.pack(table, steps[side]).values())
    return factors, steps
