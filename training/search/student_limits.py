"""How many factors a packed student starts with, and in how many blocks, for a limit of bytes or parameters.

Chosen on validation rows of MovieLens 1M: at two bits a value a further column buys more than a further bit;
beyond 40 columns the bits do. Where parameters are limited, each is worth 8 bits, and rare ids do without the
last columns; more blocks say more finely where that begins.
"""

from __future__ import annotations

from typing import Final

from training.distillation.base.settings import StudentSettings

_BITS_A_VALUE: Final = 2.1
MOST_FACTORS: Final = 40
_START_ABOVE_MEAN: Final = 1.4


def student_within(
    ids: int, *, max_bytes: int | None = None, max_parameters: int | None = None
) -> StudentSettings:
    """Settings of a student that keeps a limit.

    Args:
        ids: Users and movies together.
        max_bytes: Most bytes of all arrays.
        max_parameters: Most logical scalars.
    """
    if max_bytes is not None:
        columns = max_bytes * 8 / ids / _BITS_A_VALUE
        blocks, packed_rounds = 5, 8
    else:
        assert max_parameters is not None
        columns = max_parameters / ids * _START_ABOVE_MEAN
        blocks, packed_rounds = 12, 3
    rank = min(max(round(columns) - 1, 1), MOST_FACTORS)
    if rank == MOST_FACTORS:
        packed_rounds = 1
    return StudentSettings(
        rank=rank,
        max_bytes=max_bytes,
        max_parameters=max_parameters,
        blocks=blocks,
        packed_rounds=packed_rounds,
    )
