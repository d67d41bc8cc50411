"""Small packed tables in forms that take more memory and are read faster, as far as memory allows."""

from __future__ import annotations

from typing import Final

import numpy as np

from training.families.coded_side import CodedSide
from training.families.full import FullSide
from training.families.packed_side import PackedSide
from training.families.table import SideTable

# What a model may hold beside its stored weights, and how much of that an id takes: its number, its place by
# number, and its mean. Beyond some 39,000 ids nothing is left, so large tables stay packed, and mapped.
SPARE_BYTES: Final = 512_000
ID_BYTES: Final = 13


def unpacked(users: SideTable, movies: SideTable, spare: int) -> tuple[SideTable, SideTable]:
    """Both sides, a packed one in the fastest form that there is room for.

    Movies come first: all of them are read for a user's favourites.

    Args:
        users: One side.
        movies: The other side.
        spare: Bytes that the model may hold beside its stored weights.
    """
    room = spare - ID_BYTES * (users.count + movies.count)
    new_movies = _fastest(movies, room)
    return _fastest(users, room - (new_movies.nbytes - movies.nbytes)), new_movies


def _fastest(table: SideTable, room: int) -> SideTable:
    """`table`, if it is packed in a form that takes at most `room` bytes more."""
    if not isinstance(table, PackedSide):
        return table
    values = table.count * table.dim
    if 4 * values <= table.nbytes + room:
        return FullSide(table.rows(np.arange(table.count)))
    if values + table.count <= table.nbytes + room:
        return CodedSide(table.packed, table.ones_at)
    return table
