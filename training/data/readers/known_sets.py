"""The MovieLens data sets: how each is recognised, and its licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from training.data.files.locate import RATINGS_NAMES
from training.data.files.plain_file import without_packing

_MAY_BE_PASSED_ON: Final = (
    "GroupLens: may be passed on under the same terms, no commercial use without permission; see its README"
)
_RESEARCH_ONLY: Final = (
    "GroupLens: research use, no redistribution and no commercial use without permission; see its README"
)
_SEE_README: Final = "MovieLens: see the README beside it; taken as not redistributable"


@dataclass(frozen=True)
class MovieLensSet:
    """One of the data sets that GroupLens publishes.

    Attributes:
        name: As in `RatingsTable.name`; also the name of its archive at GroupLens, without `.zip`.
        layout: As in `RatingsTable.layout`.
        rows: Number of ratings, as stated in its README; None if it changes over time, so that only the
            folder's name identifies the set.
        licence: The licence in one line.
        redistributable: Whether the licence allows artefacts with titles to be passed on.
        ratings_git_id: The id that git gives to its ratings file (SHA-1 over length and content), if it is
            known for certain.
    """

    name: str
    layout: str
    rows: int | None
    licence: str = _SEE_README
    redistributable: bool = False
    ratings_git_id: str | None = None


_ALL: Final = (
    MovieLensSet("ml-latest-small", "ml-csv", None, _MAY_BE_PASSED_ON, redistributable=True),
    MovieLensSet("ml-latest", "ml-csv", None, _MAY_BE_PASSED_ON, redistributable=True),
    MovieLensSet("ml-100k", "ml-100k", 100_000, _RESEARCH_ONLY),
    MovieLensSet(
        "ml-1m",
        "ml-1m",
        1_000_209,
        _RESEARCH_ONLY,
        ratings_git_id="77a7c4b150f588c23bb9e1f068aa996c0b413695",
    ),
    MovieLensSet("ml-10m", "ml-1m", 10_000_054),
    MovieLensSet("ml-20m", "ml-csv", 20_000_263),
    MovieLensSet("ml-25m", "ml-csv", 25_000_095),
    MovieLensSet("ml-32m", "ml-csv", 32_000_204),
)
MOVIELENS: Final[Mapping[str, MovieLensSet]] = MappingProxyType({known.name: known for known in _ALL})


@dataclass(frozen=True)
class SetTerms:
    """The name and licence of a data set.

    Attributes:
        name: As in `RatingsTable.name`.
        licence: The licence in one line.
        redistributable: Whether the licence allows artefacts with titles to be passed on.
    """

    name: str
    licence: str
    redistributable: bool


def terms_of(path: Path, layout: str, rows: int) -> SetTerms:
    """Return the name and licence of the set that a ratings file belongs to.

    A set whose licence is in doubt is treated as not redistributable.

    Args:
        path: The ratings file, or the folder of its parts.
        layout: As in `RatingsTable.layout`.
        rows: Number of its ratings.
    """
    whole = path.resolve()
    named_after_folder = whole.name in RATINGS_NAMES and whole.parent.name
    own_name = whole.parent.name if named_after_folder else Path(without_packing(whole.name)).stem
    if layout not in {known.layout for known in _ALL}:
        return SetTerms(own_name, "unknown: the user's own file", redistributable=False)
    by_count = {(known.layout, known.rows): known for known in _ALL}
    known = by_count.get((layout, rows)) or MOVIELENS.get(own_name)
    if known is None or known.layout != layout:
        return SetTerms(own_name, _SEE_README, redistributable=False)
    return SetTerms(known.name, known.licence, known.redistributable)
