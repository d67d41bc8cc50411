"""Titles and categories of any items, from a file of one's own."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Final

from training.artefact.ids.vocabulary import Vocabulary
from training.data.files.columns import ITEM_WORDS
from training.data.files.engine import connect
from training.data.files.plain_file import unpack
from training.data.files.sources import read_files
from training.data.files.values import shown
from training.data.readers.movies_file import MOVIES_FILES, entry_problem, load_movies_file
from training.data.table import Movie
from training.errors import DataError

_BLOCK: Final = 10_000
_SEPARATOR: Final = re.compile(r"\s*[|,;]\s*")
_NONE: Final = frozenset({"", "(no genres listed)", "[]"})


def load_items(path: Path, movies: Vocabulary, notes: list[str]) -> dict[str, Movie]:
    """Reads a file of items.

    Any text layout with a header, or Parquet, with columns for the id, the title and, perhaps, categories
    (with `|`, `,` or `;` between, or a JSON list); other columns are left alone. Or a movies file of
    MovieLens's.

    Args:
        path: The file.
        movies: The catalogue, which says how an id of the file is spelled.
        notes: Gets what the user should know.

    Returns:
        Title and categories by canonical id.

    Raises:
        DataError: When it cannot be read, an item comes twice, or no item of it is rated.
    """
    titles = _titles(path, movies)
    rated = sum(movies.index(name) >= 0 for name in titles)
    if not rated:
        example = next(iter(titles), "")
        raise DataError(
            path,
            f"none of its ids, such as {shown(example)}, is rated; rated is, for one, {shown(movies[0])}",
        )
    if rated < len(movies):
        notes.append(f"{len(movies) - rated:,} of {len(movies):,} rated items have no title in {path.name}")
    return titles


def _titles(path: Path, movies: Vocabulary) -> dict[str, Movie]:
    if path.name in MOVIES_FILES and path.is_file():
        return load_movies_file(path, movies)
    if not path.is_file():
        raise DataError(path, "is no file; give the file of items itself")
    titles: dict[str, Movie] = {}
    rows: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="items-") as name:
        plain = unpack(path, Path(name))
        with connect([plain.path], Path(name)) as database:
            source = read_files(database, path, [plain], None, Path(name), ITEM_WORDS)
            categories = "categories" if "categories" in source.layout.positions else "NULL"
            found = database.execute(
                "SELECT rowid, coalesce(what, ''), trim(coalesce(title, '')), "
                f"coalesce({categories}, '') FROM entries ORDER BY rowid"
            )
            while block := found.fetchmany(_BLOCK):
                for row, raw_id, title, text in block:
                    movie_id = movies.canonical(raw_id)
                    problem = entry_problem(raw_id, title)
                    if problem is None and movie_id in rows:
                        first = source.place(rows[movie_id])
                        problem = f"item {shown(raw_id)} comes twice, first on {first}; keep one of them"
                    if problem is not None:
                        raise source.error(problem, row)
                    rows[movie_id] = row
                    titles[movie_id] = Movie(title, _listed(text))
    return titles


def _listed(text: str) -> tuple[str, ...]:
    """The categories of one field."""
    if text.strip() in _NONE:
        return ()
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except ValueError:
            # As Python writes a list.
            listed = re.findall(r"'([^']*)'", text)
        return tuple(str(one).strip() for one in listed if str(one).strip())
    return tuple(one for one in _SEPARATOR.split(text.strip()) if one)
