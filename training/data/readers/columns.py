"""Which column of a file holds what: the words in use for it, and a way to say it outright."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from training.data.readers.values import shown
from training.errors import DataError, SettingsError

# Compared without case, blanks, `_` and `-`: `User ID`, `user_id` and `userId` are one name.
_ALIASES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "user": frozenset({"user", "userid", "customer", "customerid"}),
        "movie": frozenset({"movie", "movieid", "item", "itemid", "film", "filmid"}),
        "rating": frozenset({"rating", "stars", "score", "value"}),
        "timestamp": frozenset({"timestamp", "time", "unixtime"}),
    }
)


@dataclass(frozen=True)
class ColumnNames:
    """The columns to read, exactly as the file's header spells them.

    Attributes:
        user: Column of the user ids.
        movie: Column of the movie ids.
        rating: Column of the ratings.
        timestamp: Column of the times in seconds since 1970; None reads no times.

    Raises:
        SettingsError: On an empty name, or one that is given twice.
    """

    user: str
    movie: str
    rating: str
    timestamp: str | None = None

    def __post_init__(self) -> None:
        """Refuses names that cannot be told apart."""
        names = list(self.by_role().values())
        if not all(names):
            raise SettingsError("a column name must not be empty")
        if len(set(names)) != len(names):
            raise SettingsError(f"each column can hold one thing only, got {', '.join(map(repr, names))}")

    def by_role(self) -> dict[str, str]:
        """Role (`user`, `movie`, `rating`, `timestamp`) -> column name, without the roles not read."""
        roles = {"user": self.user, "movie": self.movie, "rating": self.rating}
        return roles if self.timestamp is None else {**roles, "timestamp": self.timestamp}


def match_columns(header: Sequence[str], columns: ColumnNames | None, path: Path) -> dict[str, int] | None:
    """Finds the position of each role in a header.

    Args:
        header: Column names in file order.
        columns: Names to take exactly; None looks for the usual words.
        path: The file, for the message.

    Returns:
        Role -> position, or None where user, movie or rating (with `columns`, any that it names) is
        not there.

    Raises:
        DataError: When two columns could be meant by one role.
    """
    found: dict[str, int] = {}
    wanted = columns.by_role() if columns is not None else dict.fromkeys(_ALIASES, "")
    for role, exact in wanted.items():
        if columns is not None:
            places = [place for place, name in enumerate(header) if name == exact]
        else:
            places = [place for place, name in enumerate(header) if _folded(name) in _ALIASES[role]]
        if len(places) > 1:
            rivals = " and ".join(shown(header[place]) for place in places)
            raise DataError(
                path,
                f"columns {rivals} could both be the {role}; say which one by naming the columns",
                line=1,
            )
        if places:
            found[role] = places[0]
        elif columns is not None or role != "timestamp":
            return None
    return found


def _folded(name: str) -> str:
    return name.casefold().translate({ord(character): None for character in " _-"})
