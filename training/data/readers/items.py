"""Titles, categories and other features of items, from the MovieLens file next to the ratings, or any file.

A file need not have every item, but its lines must be valid: a wrong number of fields, a repeated item, or a
genre flag other than 0 and 1 is an error that states the line.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.new_movies import Edges
from training.data.files.columns import ITEM_WORDS
from training.data.files.engine import connect
from training.data.files.layouts import FIELDS_BEFORE_FLAGS
from training.data.files.plain_file import PlainFile, head_of, unpack
from training.data.files.sources import Source, read_files
from training.data.files.values import breaks_lines, id_problem, shown
from training.data.readers.item_columns import listed, read_item_features
from training.data.table import Movie
from training.errors import DataError

# MovieLens 100K's own `u.genre`, for copies that come without it.
# fmt: off
GENRES_100K: Final[tuple[str, ...]] = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on
_MOVIELENS: Final = {"ml-1m": "movies.dat", "ml-100k": "u.item", "ml-csv": "movies.csv"}
# What may be next to ratings, or next to `u.item`.
MOVIELENS_FILES: Final = frozenset({*_MOVIELENS.values(), "u.genre"})
_BLOCK: Final = 10_000


@dataclass(frozen=True)
class Items:
    """What is known of items.

    Attributes:
        titles: Title, categories and further features by canonical id.
        edges: What separates the ranges of each column of numbers.
    """

    titles: dict[str, Movie] = field(default_factory=dict)
    edges: Edges = field(default_factory=dict)


def load_titles(ratings: Path, layout: str, movies: Vocabulary, notes: list[str]) -> Items:
    """Read the movies file next to a ratings file.

    Args:
        ratings: The ratings file, or the folder of its parts.
        layout: Its layout, as in `RatingsTable.layout`.
        movies: The catalogue, which determines how an id of the file is spelled.
        notes: List to which notes for the user are added.

    Returns:
        What it says; nothing if there is no such file.

    Raises:
        DataError: If the file is there but cannot be read.
    """
    name = _MOVIELENS.get(layout, "movies.csv")
    path = ratings / name if ratings.is_dir() else ratings.with_name(name)
    # Next to ratings that are not MovieLens's, a movies.csv may be unrelated to them.
    if not path.is_file() or (layout not in _MOVIELENS and not _has_movielens_header(path)):
        return Items()
    return _items(path, movies, notes)


def load_items(path: Path, movies: Vocabulary, notes: list[str]) -> Items:
    """Read a file of items.

    Any text layout with a header, or Parquet, with columns for the id, the title and optionally categories
    (separated by `|`, `,` or `;`, or a JSON list); other columns are features (`item_columns`). Or
    `movies.dat` or `u.item` of MovieLens.

    Args:
        path: The file.
        movies: The catalogue, which determines how an id of the file is spelled.
        notes: List to which notes for the user are added.

    Raises:
        DataError: It cannot be read, an item is repeated, or none of its items is rated.
    """
    if not path.is_file():
        raise DataError(path, "is not a file; give the file of items itself")
    found = _items(path, movies, notes)
    titles = found.titles
    rated = sum(movies.index(name) >= 0 for name in titles)
    if not rated:
        example = next(iter(titles), "")
        raise DataError(
            path,
            f"none of its ids, such as {shown(example)}, is rated; a rated one is {shown(movies[0])}",
        )
    if rated < len(movies):
        notes.append(f"{len(movies) - rated:,} of {len(movies):,} rated items have no title in {path.name}")
    return found


def _items(path: Path, movies: Vocabulary, notes: list[str]) -> Items:
    titles: dict[str, Movie] = {}
    rows: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="items-") as name:
        plain = unpack(path, Path(name))
        with connect([plain.path], Path(name)) as database:
            source = read_files(database, path, [plain], None, Path(name), ITEM_WORDS)
            genres = _genre_names(source, path)
            further = read_item_features(source)
            if further.note:
                notes.append(f"{path.name}: columns that are no features of items: {further.note}")
            for row, raw_id, title, text in _entries(source):
                movie_id = movies.canonical(raw_id)
                problem = _problem(raw_id, title)
                if problem is None and movie_id in rows:
                    first = source.place(rows[movie_id])
                    problem = f"item {shown(raw_id)} is repeated, first on {first}; keep one of them"
                if problem is None and genres and not set(text) <= set("01|"):
                    problem = f"a genre flag is neither 0 nor 1: {shown(text)}"
                if problem is not None:
                    raise source.error(problem, row)
                rows[movie_id] = row
                flags = zip(genres, text.split("|"), strict=False)
                named = tuple(genre for genre, flag in flags if flag == "1") if genres else listed(text)
                titles[movie_id] = Movie(title, named, further.by_row[row])
    return Items(titles, further.edges)


def _entries(source: Source) -> Iterator[tuple[int, str, str, str]]:
    """Row, id, title and categories of each item."""
    categories = "categories" if "categories" in source.layout.positions else "NULL"
    found = source.database.execute(
        "SELECT rowid, coalesce(movie_id, ''), trim(coalesce(title, '')), "
        f"coalesce({categories}, '') FROM entries ORDER BY rowid"
    )
    block: list[Any]
    while block := found.fetchmany(_BLOCK):
        yield from block


def _problem(raw_id: str, title: str) -> str | None:
    """Return why an id with a title cannot be an item, or None if it can."""
    problem = id_problem(raw_id, "movie")
    if problem is None and not title.strip():
        problem = f"movie {shown(raw_id)} has no title; add one, or remove the line"
    if problem is None and breaks_lines(title):
        problem = f"the title {shown(title)} holds a control character; remove it"
    return problem


def _genre_names(source: Source, path: Path) -> tuple[str, ...]:
    """Return the genres whose flags a `u.item` has, from the `u.genre` next to it; empty for other files."""
    if source.layout.name != "u.item":
        return ()
    names, beside = GENRES_100K, path.with_name("u.genre")
    if beside.is_file():
        try:
            lines = beside.read_text("latin-1").split("\n")
        except OSError as error:
            raise DataError(beside, f"cannot be read: {error.strerror or error}") from error
        names = tuple(line.split("|")[0] for line in lines if line.strip())
    expected, fields = FIELDS_BEFORE_FLAGS + len(names), len(source.layout.names)
    if fields != expected:
        raise DataError(path, f"expected {expected} fields separated by '|', found {fields}", line=1)
    return names


def _has_movielens_header(path: Path) -> bool:
    return (
        re.match(rb"(?:\xef\xbb\xbf)?movieId,title(?:,genres)?\r?\n", head_of(PlainFile(path, path)))
        is not None
    )
