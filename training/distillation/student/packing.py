"""Fit a student into its limits: blocks by popularity, the budget for codes, and the bit allocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from training.compress.bit_allocation import CodeBudget, allocate_widths
from training.compress.quantisation import measured_distortion
from training.distillation.base.settings import StudentSettings
from training.distillation.student.factors import SIDES, Factors, SideName, with_columns
from training.distillation.student.least_squares import Target, Widths, normal_equations
from training.errors import SettingsError

# Every (block, column) has a float16 step and a one-byte width, even if it is dropped.
_BYTES_PER_STREAM: Final = 3
GLOBAL_BIAS_BYTES: Final = 4
_ROWS_PER_BYTE: Final = 8
_LEAST_COLUMNS: Final = 2  # one factor and the bias
_LEAST_ERROR: Final = np.float32(1e-9)


Layout = Mapping[SideName, Widths]
"""Bit widths of both sides."""


def popularity_blocks(count: int, blocks: int, power: float) -> tuple[int, ...]:
    """Divide ids in order of descending popularity into blocks; popular blocks are smaller.

    Block j of n ends at `count * (j / n) ** power`, rounded to 8 rows so that no stream of codes wastes bits.
    Empty blocks are left out, and the last block takes the remaining ids.

    Args:
        count: Number of ids.
        blocks: Maximum number of blocks.
        power: Exponent; 1 for equal sizes.

    Returns:
        The number of ids in each block.
    """
    shares = (np.arange(1, blocks) / blocks) ** power
    ends = _ROWS_PER_BYTE * np.round(count * shares / _ROWS_PER_BYTE).astype(int)
    ends = np.unique(np.append(ends[(ends > 0) & (ends < count)], count))
    return tuple(np.diff(ends, prepend=0).tolist())


def student_blocks(
    settings: StudentSettings, users: int, movies: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the block sizes of both sides that a student of this many users and movies has.

    Raises:
        SettingsError: A limit does not allow the smallest student, which has one factor and the biases, with
            one bit each; the message states the smallest legal limit.
    """
    user_blocks, movie_blocks = (
        popularity_blocks(count, settings.blocks, settings.block_power) for count in (users, movies)
    )
    sizes = [*user_blocks, *movie_blocks]
    least_bytes = 2 * sum(-(-size // _ROWS_PER_BYTE) for size in sizes) + _fixed_bytes(sizes, _LEAST_COLUMNS)
    least_parameters = 2 * sum(sizes) + 2 * len(sizes) + 1
    for name, limit, least in (
        ("max_bytes", settings.max_bytes, least_bytes),
        ("max_parameters", settings.max_parameters, least_parameters),
    ):
        if limit is not None and limit < least:
            raise SettingsError(
                f"{name} is {limit}; the smallest legal {name} for {users} users and {movies} "
                f"movies in {len(sizes)} blocks is {least}"
            )
    return user_blocks, movie_blocks


def allocate(
    factors: Factors, target: Target, settings: StudentSettings, users: Sequence[int], movies: Sequence[int]
) -> tuple[Factors, Layout]:
    """Allocate bits to every (block, column) of both sides so that the distortion of the ratings is small.

    The squared rounding error of a value is weighted by its curvature (see
    `training.distillation.student.least_squares`). A factor that gets no bits on one side has no effect, so
    it is dropped on both sides, and the allocation is repeated without it.

    Args:
        factors: The student, in principal axes.
        target: The target of the student.
        settings: Settings with the limits.
        users: Block sizes of users.
        movies: Block sizes of movies.

    Returns:
        The student without the dropped factors, and its bit widths.
    """
    sizes = [*users, *movies]
    user_cost, movie_cost = (
        normal_equations(factors, target, side).diagonal + _LEAST_ERROR for side in SIDES[::-1]
    )
    distortions = [
        measured_distortion(factors.users, user_cost, users),
        measured_distortion(factors.movies, movie_cost, movies),
    ]
    kept = np.ones(factors.rank, dtype=bool)
    while True:
        columns = np.append(kept, True)
        width = int(columns.sum())
        budget = _budget(settings, sizes, width)
        # Every block keeps its biases, because a pair with one cold side is predicted from them.
        biases = [np.zeros((len(blocks), width), dtype=np.uint8) for blocks in (users, movies)]
        for table in biases:
            table[:, -1] = 1
        bias_bytes = sum(-(-size // _ROWS_PER_BYTE) for size in sizes)
        if not budget.allows(bias_bytes, sum(sizes) + len(sizes)):
            kept[np.flatnonzero(kept)[-1]] = False
            continue
        widths = allocate_widths(
            [distortion[:, columns] for distortion in distortions], [users, movies], budget, biases
        )
        used = np.any(widths[0][:, :-1], axis=0) & np.any(widths[1][:, :-1], axis=0)
        if used.all() or width == _LEAST_COLUMNS:
            return with_columns(factors, kept), {
                "users": Widths(tuple(users), widths[0]),
                "movies": Widths(tuple(movies), widths[1]),
            }
        used[0] |= not used.any()
        kept[np.flatnonzero(kept)[~used]] = False


def _fixed_bytes(sizes: Sequence[int], columns: int) -> int:
    return _BYTES_PER_STREAM * len(sizes) * columns + GLOBAL_BIAS_BYTES


def _budget(settings: StudentSettings, sizes: Sequence[int], columns: int) -> CodeBudget:
    code_bytes = settings.max_bytes
    if code_bytes is not None:
        code_bytes -= _fixed_bytes(sizes, columns)
    parameters = settings.max_parameters
    if parameters is not None:
        parameters -= 1  # the global bias
    return CodeBudget(code_bytes, parameters)
