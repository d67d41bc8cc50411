"""Find the columns of a file by common names, or by the names in `--columns`."""

from __future__ import annotations

import csv
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from training.data.files.values import shown
from training.errors import DataError, SettingsError

# The page has the same words in `app/web/evaluation/columns.js`; a test compares both.
# Names are compared without case, blanks, `_`, `-` and `.`: `User ID`, `user_id` and `userId` are equal.
# Words of an earlier group are preferred to those of a later one; two matches in one group are ambiguous.
_USER: Final = (
    ("user", "userid", "customer", "customerid"),
    ("reviewerid", "memberid", "uid", "useruuid", "userkey", "raterid", "readerid", "accountid", "personid"),
    ("username", "reviewer", "member", "rater", "reader", "account", "person", "profilename"),
    ("reviewprofilename", "customername", "reviewername", "author", "authorid"),
)
_MOVIE: Final = (
    ("movie", "movieid", "item", "itemid", "film", "filmid"),
    (
        *("bookid", "productid", "animeid", "songid", "trackid", "artistid", "albumid", "jokeid", "gameid"),
        *("businessid", "restaurantid", "recipeid", "workid", "beerid", "beerbeerid", "showid", "courseid"),
        *("articleid", "placeid", "venueid"),
    ),
    ("asin", "isbn", "isbn13", "imdbid", "tmdbid", "sku", "ean"),
    (
        *("book", "product", "anime", "song", "track", "artist", "album", "joke", "game", "business"),
        *("restaurant", "recipe", "work", "beer", "show", "course", "article", "place", "venue"),
        "parentasin",
    ),
    ("title", "movietitle", "booktitle", "itemtitle", "producttitle", "filmtitle"),
)
_RATING: Final = (
    ("rating", "stars", "score", "value"),
    ("userrating", "starrating", "bookrating", "movierating", "filmrating", "itemrating", "productrating"),
    (
        "overallrating",
        "reviewrating",
        "ratingvalue",
        "ratingscore",
        "overall",
        "reviewoverall",
        "reviewscore",
    ),
    ("userscore", "myrating", "myscore", "reviewstars", "grade", "points", "preference", "pref"),
)
_TIME: Final = (
    ("timestamp", "time", "unixtime"),
    ("unixreviewtime", "ratingtimestamp", "reviewtimestamp"),
    ("datetime", "reviewtime", "ratingtime", "date", "ratingdate", "reviewdate", "ratedat", "reviewedat"),
    ("createdat", "dateadded", "daterated", "when"),
)
_TITLE: Final = (
    ("title",),
    ("name", "movietitle", "booktitle", "itemtitle", "producttitle", "filmtitle", "originaltitle"),
    ("moviename", "bookname", "itemname", "productname", "gamename", "businessname"),
)
_CATEGORIES: Final = (
    ("genres", "genre", "categories", "category"),
    ("tags", "shelves", "subjects", "subject", "listedin", "class", "topics", "kind"),
)
Words = Mapping[str, tuple[tuple[str, ...], ...]]
RATING_WORDS: Final[Words] = MappingProxyType(
    {"user": _USER, "movie": _MOVIE, "rating": _RATING, "timestamp": _TIME}
)
ITEM_WORDS: Final[Words] = MappingProxyType(
    # An items file has a column for ids and one for titles, so titles are not ids there.
    {"movie": (*_MOVIE[:-1], ("id",)), "title": _TITLE, "categories": _CATEGORIES}
)
ID_WORDS: Final = frozenset(word for group in _MOVIE[:-1] for word in group)
# Tried for a role if no name is one of its words: `movie_year`, `ratingNew`. Not for times, because of
# columns such as `date_day`.
_BEGINNINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "user": ("user", "customer", "reviewer", "member"),
        "movie": ("movie", "item", "film", "book", "product"),
        "rating": ("rating", "stars", "score"),
    }
)
# Columns such as `rating_count` are not ratings.
_NO_RATING: Final = re.compile(r"count|number|num|total|date|time|text|id$|by$|average|avg|mean")
_OPTIONAL: Final = frozenset({"timestamp", "categories"})
# Types in the headers of RecBole: `user_id:token`.
_TYPE: Final = re.compile(r":(?:token|float)(?:_seq)?\Z")
# Names of the roles in the option `--columns`.
OPTION_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"user": "user", "movie": "movie", "rating": "rating", "timestamp": "time"}
)
_ROLES: Final = {
    **{name: role for role, name in OPTION_NAMES.items()},
    "timestamp": "timestamp", "item": "movie", "customer": "user",
}  # fmt: skip


@dataclass(frozen=True)
class ColumnNames:
    """Names of the columns to read, spelled as in the header of the file.

    A role that is None is found by common names. If user, movie and rating are all named, times are read only
    if they are named too. In a file without a header, the names are numbers: `2` is the second column.

    Attributes:
        user: Column of the user ids.
        movie: Column of the movie ids.
        rating: Column of the ratings.
        timestamp: Column of the times.

    Raises:
        SettingsError: If a name is empty or given twice.
    """

    user: str | None = None
    movie: str | None = None
    rating: str | None = None
    timestamp: str | None = None

    def __post_init__(self) -> None:
        """Check that no name is empty and no two are equal."""
        names = list(self.by_role().values())
        if not all(names):
            raise SettingsError("a column name must not be empty")
        if len(set(names)) != len(names):
            raise SettingsError(f"each role needs a column of its own, got {', '.join(map(repr, names))}")

    @classmethod
    def parse(cls, text: str) -> ColumnNames:
        """Parse the option `--columns`.

        Args:
            text: Any of `user=customer_id,movie=isbn,rating=stars,time=date`, or the names of the user,
                movie, rating and optionally time column in this order. A name with a comma is
                quoted with `"`.

        Raises:
            SettingsError: If it has another form.
        """
        try:
            parts = [part.strip() for part in next(csv.reader([text], strict=True), [])]
        except csv.Error as error:
            raise SettingsError(f"--columns {shown(text)}: a quote is not closed") from error
        split = [part.partition("=") for part in parts]
        if parts and all(equals and role.strip().casefold() in _ROLES for role, equals, _ in split):
            roles = [_ROLES[role.strip().casefold()] for role, _, _ in split]
            if len(set(roles)) == len(roles):
                return cls(**{role: name.strip() for role, (_, _, name) in zip(roles, split, strict=True)})
        elif 3 <= len(parts) <= 4:
            return cls(*parts)
        raise SettingsError(
            "--columns takes user=NAME,movie=NAME,rating=NAME,time=NAME (any of them, each once), or the "
            f"names of the user, movie, rating and (optional) time column in this order, got {shown(text)}"
        )

    def by_role(self) -> dict[str, str]:
        """Map each role that has a column name (`user`, `movie`, `rating`, `timestamp`) to it."""
        named = {
            "user": self.user, "movie": self.movie, "rating": self.rating, "timestamp": self.timestamp
        }  # fmt: skip
        return {role: name for role, name in named.items() if name is not None}

    def by_place(self) -> dict[str, int] | None:
        """Map each role to its position from 0 if the columns are given by number, else return None."""
        named = self.by_role()
        if {"user", "movie", "rating"} <= named.keys() and all(
            name.isascii() and name.isdecimal() and 0 < int(name) < 1000 for name in named.values()
        ):
            return {role: int(name) - 1 for role, name in named.items()}
        return None


def match_columns(
    header: Sequence[str], columns: ColumnNames | None, path: Path, words: Words = RATING_WORDS
) -> dict[str, int]:
    """Find the position of each role in a header.

    Args:
        header: Column names in file order.
        columns: Names given by the user; other roles are found by `words`.
        path: The file, for the message.
        words: Common names of each role.

    Returns:
        Position of each role that was found. In a file of items, every other column is a role, too:
        `column_3` is the fourth one.

    Raises:
        DataError: If two columns match the same role.
    """
    named = columns.by_role() if columns is not None else {}
    found: dict[str, int] = {}
    for role in words:
        if role in named:
            places = [place for place, name in enumerate(header) if name.strip() == named[role]]
        elif role == "timestamp" and {"user", "movie", "rating"} <= named.keys():
            continue
        else:
            places = [place for place in _by_words(header, role, words[role]) if place not in found.values()]
        if len(places) > 1:
            rivals = " and ".join(shown(header[place]) for place in places)
            advice = f"say which one: {columns_option({role: header[places[0]].strip()})}"
            if words is not RATING_WORDS:
                advice = "rename or remove the others"
            raise DataError(path, f"columns {rivals} could both be the {role}; {advice}", line=1)
        if places:
            found[role] = places[0]
    return {**found, **_others(header, found)} if words is ITEM_WORDS else found


def is_usual(role: str, name: str) -> bool:
    """Return whether a name is one of the most common words of a role."""
    return folded(name) in RATING_WORDS[role][0]


def missing_roles(
    found: Mapping[str, int], columns: ColumnNames | None, words: Words = RATING_WORDS
) -> list[str]:
    """Return the roles that were not found although they are required or named."""
    named = columns.by_role() if columns is not None else {}
    return [role for role in words if role not in found and (role in named or role not in _OPTIONAL)]


def no_column(
    missing: Sequence[str], names: Sequence[str], columns: ColumnNames | None, words: Words = RATING_WORDS
) -> str:
    """Return the message for a file in which roles are missing, with what to do.

    Args:
        missing: Result of `missing_roles`.
        names: Names of the file's columns.
        columns: Names given by the user.
        words: Common names of each role.
    """
    there = shown(", ".join(names), 120)
    named = columns.by_role() if columns is not None else {}
    wrong = [named[role] for role in missing if role in named]
    if wrong:
        return f"has the columns {there}, but not {', '.join(map(repr, wrong))}; take the names from the file"
    roles = " or ".join(f"the {role}" for role in missing)
    advice = f"name it: {columns_option(dict.fromkeys(missing, 'NAME'))}"
    if words is not RATING_WORDS:
        advice = f"rename its columns to {', '.join('id' if role == 'movie' else role for role in missing)}"
    return f"has the columns {there}, none of which is known as {roles}; {advice}"


def columns_option(names: Mapping[str, str]) -> str:
    """Return the option `--columns` that gives these names to roles."""
    parts = [f"{OPTION_NAMES.get(role, role)}={name}" for role, name in names.items()]
    quoted = ['"' + part.replace('"', '""') + '"' if re.search(r'[",]', part) else part for part in parts]
    return f"--columns {shlex.quote(','.join(quoted))}"


def _by_words(header: Sequence[str], role: str, groups: tuple[tuple[str, ...], ...]) -> list[int]:
    names = [folded(name) for name in header]
    for group in groups:
        places = [place for place, name in enumerate(names) if name in group]
        if places:
            return places
    return [
        place
        for place, name in enumerate(names)
        if name.startswith(_BEGINNINGS.get(role, ())) and not (role == "rating" and _NO_RATING.search(name))
    ]


def _others(header: Sequence[str], found: Mapping[str, int]) -> dict[str, int]:
    """Name the columns that have no role, except those whose name is empty or repeated."""
    names = [name.strip().casefold() for name in header]
    count = Counter(names)
    return {
        f"column_{place}": place
        for place, name in enumerate(names)
        if name and count[name] == 1 and place not in found.values()
    }


def bare_name(name: str) -> str:
    """Return the name of a column without blanks around it and without the type that RecBole adds."""
    return _TYPE.sub("", name.strip())


def folded(name: str) -> str:
    """Return a name without case, blanks, `_`, `-` and `.`."""
    return bare_name(name).casefold().translate({ord(character): None for character in " _-."})
