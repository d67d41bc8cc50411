"""Made-up ratings of books, which depend on who wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

AUTHORS: Final = (
    "Austen",
    "Brontë",
    "Christie",
    "Dahl",
    "Eco",
    "Frisch",
    "Gogol",
    "Hugo",
    "Ishiguro",
    "Joyce",
)
USERS, BOOKS, PUBLISHERS, SHELVES = 60, 150, 15, 20
# Never rated: by the best author and by the worst.
BEST, WORST = BOOKS + 1, BOOKS + 2


def write_books(folder: Path, *, noise: bool = False, flags: bool = False) -> tuple[Path, Path]:
    """Write ratings and items, in which other columns than the author may say nothing about the ratings.

    With `flags`, a column for each author says whether it is his or her book.

    Users with odd numbers like long books, a star more than short ones, and others the reverse.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    author = np.append(random.integers(len(AUTHORS), size=BOOKS), [len(AUTHORS) - 1, 0])
    pages = np.append(random.integers(100, 900, size=BOOKS), [850, 120])
    publisher = random.integers(PUBLISHERS, size=BOOKS + 2)
    shelves = random.integers(SHELVES, size=(BOOKS + 2, 3))
    items = [
        {
            "id": book + 1,
            "title": f"Book {book + 1}",
            **(
                {f"by {name}": int(author[book] == place) for place, name in enumerate(AUTHORS)}
                if flags
                else {"author": AUTHORS[author[book]]}
            ),
            "pages": int(pages[book]),
            **(
                {
                    "publisher": f"House {publisher[book]}",
                    "shelves": "|".join(f"shelf {one}" for one in shelves[book]),
                    "price": round(float(random.gamma(2, 8)), 2),
                    "signed": bool(random.random() < 0.3),
                }
                if noise
                else {}
            ),
        }
        for book in range(BOOKS + 2)
    ]
    lines = ["user,book,rating"]
    # The ratings are the same with and without noise.
    random = np.random.default_rng(4)
    for book in range(BOOKS):
        for user in np.flatnonzero(random.random(USERS) < 0.4).tolist():
            rating = 3 + (author[book] - 4.5) / 4 + (0.5 if (pages[book] > 500) == (user % 2 == 0) else -0.5)
            lines.append(f"{user + 1},{book + 1},{min(max(round(rating + random.normal(0, 0.5)), 1), 5)}")
    ratings, described = folder / "ratings.csv", folder / "books.csv"
    ratings.write_text("\n".join(lines) + "\n")
    header = list(items[0])
    rows = ["\t".join(map(str, one.values())) for one in items]
    described.write_text("\n".join(["\t".join(header), *rows]) + "\n", "utf-8")
    return ratings, described
