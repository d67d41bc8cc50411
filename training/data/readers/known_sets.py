"""The MovieLens sets that are known by name: their size and the terms that they come under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from training.data.readers.locate import RATINGS_NAMES

# (layout, ratings): as stated in each set's README.
_BY_COUNT: Final[Mapping[tuple[str, int], str]] = MappingProxyType(
    {
        ("ml-100k", 100_000): "ml-100k",
        ("ml-1m", 1_000_209): "ml-1m",
        ("ml-1m", 10_000_054): "ml-10m",
        ("ml-csv", 20_000_263): "ml-20m",
        ("ml-csv", 25_000_095): "ml-25m",
        ("ml-csv", 32_000_204): "ml-32m",
    }
)
# These two grow with time, so only the folder's name tells them.
_LATEST: Final = frozenset({"ml-latest", "ml-latest-small"})
_NO_REDISTRIBUTION: Final = frozenset({"ml-100k", "ml-1m"})


@dataclass(frozen=True)
class SetTerms:
    """What a data set is called and what may be done with it.

    Attributes:
        name: As in `RatingsTable.name`.
        licence: The terms in one line.
        redistributable: Whether they let titles travel in an artefact that is passed on.
    """

    name: str
    licence: str
    redistributable: bool


def terms_of(path: Path, layout: str, rows: int) -> SetTerms:
    """Name and terms of the set that a ratings file belongs to.

    Whoever's terms are in doubt is taken as not redistributable.

    Args:
        path: The ratings file.
        layout: As in `RatingsTable.layout`.
        rows: How many ratings it has.
    """
    whole = path.resolve()
    named_after_folder = whole.name in RATINGS_NAMES and whole.parent.name
    own_name = whole.parent.name if named_after_folder else whole.stem
    name = _BY_COUNT.get((layout, rows), own_name)
    if layout in ("csv", "parquet"):
        return SetTerms(name, "unknown: the user's own file", redistributable=False)
    if layout == "ml-csv" and name in _LATEST:
        terms = "GroupLens: may be passed on under the same terms, no commercial use without permission"
        return SetTerms(name, f"{terms}; see its README", redistributable=True)
    if name in _NO_REDISTRIBUTION:
        terms = "GroupLens: research use, no redistribution and no commercial use without permission"
        return SetTerms(name, f"{terms}; see its README", redistributable=False)
    return SetTerms(
        name, "MovieLens: see the README beside it; taken as not redistributable", redistributable=False
    )
