"""Write a made-up data set of book ratings: `python -m tools.books FOLDER`.

`ratings.csv` is written as people write their own: UUIDs of users, ISBNs, ratings from 1 to 10, 0 (5 % of
the rows) or nothing (1 %) for "not rated", dates in ISO 8601, a blank after each comma and a blank last line.
`books.csv` has the titles. Each run writes the same files.
"""

from __future__ import annotations

import csv
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

USERS, BOOKS, RATINGS = 1_500, 1_200, 40_000
_FACTORS: Final = 4
_ZEROS, _MISSING = 0.05, 0.01
_FIRST_DAY: Final = datetime(2021, 1, 1, tzinfo=UTC)
_SECONDS: Final = 4 * 365 * 86_400
# fmt: off
_ADJECTIVES: Final = (
    "Silent", "Golden", "Broken", "Distant", "Hidden", "Winter", "Crimson", "Paper", "Hollow", "Northern",
    "Glass", "Last",
)
_NOUNS: Final = (
    "Garden", "Harbour", "Letter", "Mountain", "River", "Orchard", "Lantern", "Mirror", "Voyage", "Island",
)
_ENDINGS: Final = (
    "", " of Salt", " of Ash", ", and After", " at Dawn", " in Exile", " Returns", " Remembered",
    " II", " III",
)
# fmt: on
_KINDS: Final = ("Crime", "History", "Fantasy", "Poetry", "Travel", "Romance")


def write_books(folder: Path) -> None:
    """Write `ratings.csv` and `books.csv` to a folder, which is created if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    users = [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(USERS)]
    books = [_isbn(int(number)) for number in random.choice(10**9, BOOKS, replace=False)]
    titles = [f"The {first} {second}{end}" for first in _ADJECTIVES for second in _NOUNS for end in _ENDINGS]
    kinds = random.integers(len(_KINDS), size=BOOKS)
    with (folder / "books.csv").open("w", encoding="utf-8", newline="") as file:
        listed = csv.writer(file, lineterminator="\n")
        listed.writerow(("ISBN", "Title", "Category"))
        listed.writerows(zip(books, titles, (_KINDS[kind] for kind in kinds), strict=True))

    # Some pairs are drawn twice; `unique` keeps the first of each.
    user = random.choice(USERS, 2 * RATINGS, p=_shares(USERS, random))
    book = random.choice(BOOKS, 2 * RATINGS, p=_shares(BOOKS, random))
    first = np.sort(np.unique(user * BOOKS + book, return_index=True)[1])[:RATINGS]
    user, book = user[first], book[first]
    tastes, traits = random.normal(size=(USERS, _FACTORS)), random.normal(size=(BOOKS, _FACTORS))
    rating = 7 + random.normal(0, 0.8, USERS)[user] + random.normal(0, 0.8, BOOKS)[book]
    rating += 0.7 * np.einsum("rf,rf->r", tastes[user], traits[book]) + random.normal(0, 0.8, first.size)
    texts = np.clip(np.rint(rating), 1, 10).astype(int).astype(str).astype(object)
    drawn = random.random(first.size)
    texts[drawn < _ZEROS] = "0"
    texts[drawn > 1 - _MISSING] = ""
    seconds = random.integers(_SECONDS, size=first.size).tolist()
    with (folder / "ratings.csv").open("w", encoding="utf-8") as file:
        file.write("User-ID, ISBN, Book-Rating, Date\n")
        for who, what, text, after in zip(user, book, texts, seconds, strict=True):
            when = _FIRST_DAY + timedelta(seconds=after)
            file.write(f"{users[who]}, {books[what]}, {text}, {when.isoformat()}\n")
        file.write("\n")


def _isbn(number: int) -> str:
    """Return the ISBN of nine digits, with its check digit."""
    digits = f"{number:09}"
    check = -sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
    return digits + ("X" if check == 10 else str(check))


def _shares(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the shares of the ratings that users or books have: a few have many."""
    weights = random.lognormal(0, 1, count)
    return np.asarray(weights / weights.sum())


if __name__ == "__main__":
    write_books(Path(sys.argv[1]))
