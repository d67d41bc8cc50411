"""Unpacks small packed tables into larger but faster forms, within a memory limit."""

from __future__ import annotations

from typing import Final

import numpy as np

from training.families.coded_side import CodedSide
from training.families.full import FullSide
from training.families.packed_table import PackedSide
from training.families.table import SideTable

# Memory that a model may use in addition to its stored weights, and the part of it that each id uses for its
# number, its sort position and its mean. Above about 39,000 ids nothing is left, so large tables stay packed
# and memory-mapped.
SPARE_BYTES: Final = 512_000
ID_BYTES: Final = 13


def unpacked(users: SideTable, movies: SideTable, spare: int) -> tuple[SideTable, SideTable]:
    """Return both sides, packed ones in the fastest form that fits.

    Movies are unpacked first, because a recommendation reads all of them.

    Args:
        users: One side.
        movies: The other side.
        spare: Bytes that the model may use in addition to its stored weights.
    """
    room = spare - ID_BYTES * (users.count + movies.count)
    new_movies = _fastest(movies, room)
    return _fastest(users, room - (new_movies.nbytes - movies.nbytes)), new_movies


def _fastest(table: SideTable, room: int) -> SideTable:
    """Return `table`, converted if packed to the fastest form that takes at most `room` more bytes."""
    if not isinstance(table, PackedSide):
        return table
    values = table.count * table.dim
    if 4 * values <= table.nbytes + room:
        return FullSide(table.rows(np.arange(table.count)))
    if values + table.count <= table.nbytes + room:
        return CodedSide(table.packed, table.ones_at)
    return table
