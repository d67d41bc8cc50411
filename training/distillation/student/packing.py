"""How a student fits its limits: blocks by popularity, the room that is left for codes, and who gets bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from training.compress.bit_allocation import Room, allocate_widths
from training.compress.quantisation import measured_distortion
from training.distillation.base.settings import StudentSettings
from training.distillation.student.factors import SIDES, Factors, SideName, with_columns
from training.distillation.student.least_squares import Target, Widths, normal_equations
from training.errors import SettingsError

# A (block, column) has a step in float16 and a width in a byte, whether it is kept or not.
_BYTES_A_STREAM: Final = 3
_GLOBAL_BIAS_BYTES: Final = 4
_ROWS_A_BYTE: Final = 8
_LEAST_COLUMNS: Final = 2  # one factor and the bias
_LEAST_ERROR: Final = np.float32(1e-9)


Layout = Mapping[SideName, Widths]
"""How either side is packed."""


def popularity_blocks(count: int, blocks: int, power: float) -> tuple[int, ...]:
    """Sizes of consecutive blocks of ids by falling popularity, the popular ones smaller.

    Block j of n ends at `count * (j / n) ** power`, rounded to 8 rows so that no stream of codes wastes bits;
    blocks that would be empty are left out, and the last takes the rest.

    Args:
        count: Ids.
        blocks: Blocks at most.
        power: 1 for equal sizes.
    """
    shares = (np.arange(1, blocks) / blocks) ** power
    ends = _ROWS_A_BYTE * np.round(count * shares / _ROWS_A_BYTE).astype(int)
    ends = np.unique(np.append(ends[(ends > 0) & (ends < count)], count))
    return tuple(np.diff(ends, prepend=0).tolist())


def check_limits(settings: StudentSettings, users: Sequence[int], movies: Sequence[int]) -> None:
    """Whether the limits leave room for the least student: one factor and the biases, a bit each.

    Args:
        settings: With the limits.
        users: Block sizes of users.
        movies: Block sizes of movies.

    Raises:
        SettingsError: They do not; the message names the smallest legal limit.
    """
    sizes = [*users, *movies]
    least_bytes = 2 * sum(-(-size // _ROWS_A_BYTE) for size in sizes) + _fixed_bytes(sizes, _LEAST_COLUMNS)
    least_parameters = 2 * sum(sizes) + 2 * len(sizes) + 1
    for name, limit, least in (
        ("max_bytes", settings.max_bytes, least_bytes),
        ("max_parameters", settings.max_parameters, least_parameters),
    ):
        if limit is not None and limit < least:
            raise SettingsError(
                f"{name} is {limit}; the smallest legal {name} for {sum(users)} users and {sum(movies)} "
                f"movies in {len(sizes)} blocks is {least}"
            )


def allocate(
    factors: Factors, target: Target, settings: StudentSettings, users: Sequence[int], movies: Sequence[int]
) -> tuple[Factors, Layout]:
    """Bits for every (block, column) of both sides, on the distortion that rounding causes in stars.

    A value's rounding error costs its curvature (see `training.distillation.student.least_squares`). A factor
    that gets no bits on one side says nothing, so it is left out on both, and what that frees is spent anew.

    Args:
        factors: The student, in its principal axes.
        target: What it is fitted to.
        settings: With the limits.
        users: Block sizes of users.
        movies: Block sizes of movies.

    Returns:
        The student without the factors left out, and its layout.
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
        room = _room(settings, sizes, width)
        # Every block keeps its biases: they are what answers for a pair with one cold side.
        biases = [np.zeros((len(blocks), width), dtype=np.uint8) for blocks in (users, movies)]
        for table in biases:
            table[:, -1] = 1
        bias_bytes = sum(-(-size // _ROWS_A_BYTE) for size in sizes)
        if not room.holds(bias_bytes, sum(sizes) + len(sizes)):
            kept[np.flatnonzero(kept)[-1]] = False
            continue
        widths = allocate_widths(
            [distortion[:, columns] for distortion in distortions], [users, movies], room, biases
        )
        said = np.any(widths[0][:, :-1], axis=0) & np.any(widths[1][:, :-1], axis=0)
        if said.all() or width == _LEAST_COLUMNS:
            return with_columns(factors, kept), {
                "users": Widths(tuple(users), widths[0]),
                "movies": Widths(tuple(movies), widths[1]),
            }
        said[0] |= not said.any()
        kept[np.flatnonzero(kept)[~said]] = False


def _fixed_bytes(sizes: Sequence[int], columns: int) -> int:
    return _BYTES_A_STREAM * len(sizes) * columns + _GLOBAL_BIAS_BYTES


def _room(settings: StudentSettings, sizes: Sequence[int], columns: int) -> Room:
    code_bytes = settings.max_bytes
    if code_bytes is not None:
        code_bytes -= _fixed_bytes(sizes, columns)
    parameters = settings.max_parameters
    if parameters is not None:
        parameters -= 1  # the global bias
    return Room(code_bytes, parameters)
