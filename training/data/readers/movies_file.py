"""Titles and genres of a MovieLens set: `movies.dat`, `u.item` or `movies.csv` beside the ratings.

The file may be absent and may leave movies out. What it does say must be readable: a line with another
number of fields, a movie that comes twice or a genre flag other than 0 and 1 is an error with its line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from training.artefact.ids.vocabulary import Vocabulary
from training.data.files.values import breaks_lines, id_problem, shown
from training.data.table import Movie
from training.errors import DataError

# MovieLens 100K's own `u.genre`, for copies that come without it.
# fmt: off
GENRES_100K: Final[tuple[str, ...]] = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on
MOVIES_FILES: Final = frozenset({"movies.dat", "u.item", "movies.csv"})
_NO_GENRES: Final = "(no genres listed)"
_FIELDS_BEFORE_FLAGS: Final = 5

# Line number, raw movie id, title, genres.
_Entry = tuple[int, str, str, tuple[str, ...]]


def load_titles(ratings: Path, layout: str, movies: Vocabulary) -> dict[str, Movie]:
    """Reads the movies file beside a ratings file.

    Args:
        ratings: The ratings file.
        layout: Its layout, as in `RatingsTable.layout`.
        movies: The catalogue, which says how a raw id is spelled.

    Returns:
        Title and genres by canonical movie id; empty where there is no such file.

    Raises:
        DataError: When the file is there but cannot be read as what it claims to be.
    """
    name = {"ml-1m": "movies.dat", "ml-100k": "u.item"}.get(layout, "movies.csv")
    path = ratings / name if ratings.is_dir() else ratings.with_name(name)
    # Beside somebody's own ratings, a movies.csv of another make is none of our business.
    return (
        load_movies_file(path, movies, required=layout in ("ml-1m", "ml-100k", "ml-csv"))
        if path.is_file()
        else {}
    )


def load_movies_file(path: Path, movies: Vocabulary, *, required: bool = True) -> dict[str, Movie]:
    """Reads a file of one of the `MOVIES_FILES`.

    Args:
        path: The file.
        movies: The catalogue, which says how a raw id is spelled.
        required: Whether a `movies.csv` with another header is refused.

    Raises:
        DataError: When the file cannot be read as what it claims to be.
    """
    if path.name == "movies.dat":
        entries = _entries_1m(path)
    elif path.name == "u.item":
        entries = _entries_100k(path)
    else:
        entries = _entries_csv(path, required=required)
    return _collected(path, entries, movies)


def entry_problem(raw_id: str, title: str) -> str | None:
    """Why an id with a title cannot be an entry of a file of items, or None when it can."""
    problem = id_problem(raw_id, "movie")
    if problem is None and not title.strip():
        problem = f"movie {shown(raw_id)} has no title; leave the line out where there is none"
    if problem is None and breaks_lines(title):
        problem = f"the title {shown(title)} holds a control character; remove it"
    return problem


def _collected(path: Path, entries: Iterator[_Entry], movies: Vocabulary) -> dict[str, Movie]:
    titles: dict[str, Movie] = {}
    lines: dict[str, int] = {}
    for line, raw_id, title, genres in entries:
        problem = entry_problem(raw_id, title)
        movie_id = movies.canonical(raw_id)
        if problem is None and movie_id in lines:
            problem = f"movie {shown(raw_id)} comes twice, first on line {lines[movie_id]}; keep one of them"
        if problem is not None:
            raise DataError(path, problem, line=line)
        lines[movie_id] = line
        titles[movie_id] = Movie(title.strip(), genres)
    return titles


def _entries_1m(path: Path) -> Iterator[_Entry]:
    for number, line in _lines(path, fallback="latin-1"):
        fields = line.split("::")
        if len(fields) != 3:
            raise DataError(path, _wrong_count(fields, 3, "::", line), line=number)
        yield number, fields[0], fields[1], _genres(fields[2])


def _entries_100k(path: Path) -> Iterator[_Entry]:
    genre_file = path.with_name("u.genre")
    names = GENRES_100K
    if genre_file.is_file():
        names = tuple(line.split("|")[0] for _, line in _lines(genre_file, fallback="latin-1"))
    expected = _FIELDS_BEFORE_FLAGS + len(names)
    for number, line in _lines(path, fallback="latin-1"):
        fields = line.split("|")
        if len(fields) != expected:
            raise DataError(path, _wrong_count(fields, expected, "|", line), line=number)
        flags = fields[_FIELDS_BEFORE_FLAGS:]
        if not set(flags) <= {"0", "1"}:
            raise DataError(path, f"a genre flag is neither 0 nor 1: {shown(line)}", line=number)
        genres = tuple(name for name, flag in zip(names, flags, strict=True) if flag == "1")
        yield number, fields[0], fields[1], genres


def _entries_csv(path: Path, *, required: bool) -> Iterator[_Entry]:
    lines = _lines(path, fallback=None)
    _, first = next(lines, (1, ""))
    header = _header(first)
    if header not in (["movieId", "title", "genres"], ["movieId", "title"]):
        if required:
            raise DataError(path, f"line 1 is {shown(first)}, not movieId,title,genres", line=1)
        return
    for number, line in lines:
        if "\r" in line:
            what = "a carriage return stands inside the line; save the file with Unix or Windows line ends"
            raise DataError(path, what, line=number)
        try:
            fields = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            raise DataError(path, f"a quoted field is not closed: {shown(line)}", line=number) from error
        if len(fields) != len(header):
            raise DataError(path, _wrong_count(fields, len(header), ",", line), line=number)
        yield number, fields[0], fields[1], _genres(fields[2]) if len(fields) > 2 else ()


def _header(line: str) -> list[str]:
    """Its names; none where it is no line of a CSV file, such as one with a carriage return inside."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _lines(path: Path, fallback: str | None) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends; blank ones after the last entry are left out.

    The old sets are Latin-1, newer copies of them UTF-8. Latin-1 text with letters beyond ASCII is hardly
    ever valid UTF-8 by chance, so UTF-8 is tried first.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if fallback is None:
            bad_line = data.count(b"\n", 0, error.start) + 1
            raise DataError(
                path, "the line is not UTF-8 text; save the file as UTF-8", line=bad_line
            ) from error
        text = data.decode(fallback)
    # Not splitlines(): it would also split at characters that a title may hold.
    for number, line in enumerate(io.StringIO(text.rstrip("\r\n"), newline="\n"), start=1):
        bare = line.removesuffix("\n").removesuffix("\r")
        if not bare.strip():
            raise DataError(path, "the line is blank; remove it", line=number)
        yield number, bare


def _genres(field: str) -> tuple[str, ...]:
    return () if field in ("", _NO_GENRES) else tuple(field.split("|"))


def _wrong_count(fields: list[str], expected: int, delimiter: str, line: str) -> str:
    return f"expected {expected} fields separated by {delimiter!r}, found {len(fields)}: {shown(line)}"
