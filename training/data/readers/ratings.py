"""Load ratings of many layouts: MovieLens and other data sets.

The layout is recognised by the first lines of the file; `docs/data.md` lists all layouts. DuckDB reads and
groups the rows as text. The rules for ids, ratings and times are the same for all layouts, and a file that
breaks one is refused with its first offending line and what to do:

- Every row has as many fields as the first. Blank lines are allowed only at the end.
- Text is UTF-8, with or without a byte order mark, or Latin-1; lines end in LF or CRLF.
- An id has 1 to 256 characters, no blanks around it and no control characters, is not a word for a
  missing value (`NULL`, `nan`), and is kept verbatim. `1` and `1.0` are not both ids of one column.
- A rating is a plain number on the scale: not `nan`, and with a decimal comma only if commas do not separate
  the fields and no other rating has a point.
- A user rates a movie once, unless `repeats` says which rating counts.
- Times that cannot be read are left out, with a note.
- Titles may be missing, but an items file, if any, must be readable.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.rating_scale import RatingScale
from training.data.duplicates import Repeats, first_repeat, has_repeats, merged, pair_numbers
from training.data.files.columns import OPTION_NAMES, ColumnNames, is_usual
from training.data.files.engine import connect
from training.data.files.locate import find_files
from training.data.files.plain_file import unpack
from training.data.files.remote import Place, local_copy
from training.data.files.sources import Source, read_files
from training.data.files.values import shown
from training.data.readers.gather import Ids, Problem, Rows, read_rows
from training.data.readers.items import MOVIELENS_FILES, load_items, load_titles
from training.data.readers.known_sets import terms_of
from training.data.readers.rating_column import read_rating_column
from training.data.readers.scale import DEFAULT_SCALE, NotRated
from training.data.readers.times import read_times
from training.data.table import RatingsTable
from training.errors import DataError

__all__ = ["ColumnNames", "load_ratings"]


def load_ratings(
    path: Place,
    *,
    columns: ColumnNames | None = None,
    scale: tuple[float, float] = DEFAULT_SCALE,
    scale_is_fixed: bool = False,
    not_rated: NotRated | None = None,
    repeats: Repeats = "error",
    keep_null_ids: bool = False,
    items: Place | None = None,
    threads: int | None = None,
) -> RatingsTable:
    """Load the ratings at `path`.

    Args:
        path: A ratings file, or the folder that has one (directly, or one folder below) or its parts; or the
            address of one in object storage.
        columns: The columns to read, for a file whose columns do not have common names.
        scale: Lowest and highest rating.
        scale_is_fixed: Whether the scale is that of a model; a refusal then does not offer another one.
        not_rated: Ratings that mean "not rated", whose rows are left out; None detects them by the rule of
            `training.data.readers.scale`, and `none` means that every value is a rating.
        repeats: Which rating counts if a user rates a movie more than once; `error` refuses the file.
        keep_null_ids: Whether `NULL`, `nan` and similar words are accepted as ids.
        items: A file of titles and categories; None uses a MovieLens movies file next to the ratings.
        threads: Number of threads that read the file; None for one per core. The table does not depend on it.

    Raises:
        DataError: The file breaks a rule of this module; the error has the line, if any.
    """
    with ExitStack() as stack:
        found = find_files(stack.enter_context(local_copy(path, MOVIELENS_FILES, folders=True)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ratings-")))
        plain = [unpack(file, folder) for file in found.files]
        database = stack.enter_context(connect([one.path for one in plain], folder, threads))
        source = read_files(database, found.path, plain, columns, folder)
        notes = _notes(source, columns)
        ratings = read_rating_column(source, scale, not_rated, notes, scale_is_fixed)
        user_ids = Ids(source, "user", keep_null_ids=keep_null_ids)
        movie_ids = Ids(source, "movie", keep_null_ids=keep_null_ids)
        _refuse_first(source, user_ids.problem, movie_ids.problem, ratings.problem)
        times = read_times(source)
        users, movies = user_ids.catalogue(), movie_ids.catalogue()
        rows = read_rows(source, user_ids, movie_ids, ratings.sql, times.sql)
        if has_repeats(rows.user_index, rows.movie_index, len(users), len(movies)):
            pairs = pair_numbers(rows.user_index, rows.movie_index, len(movies))
            if repeats == "error":
                raise _repeated(source, users, movies, rows, pairs)
            rows, note = _once_each(rows, pairs, repeats)
            users, user_index = _by_appearance(users, rows.user_index)
            movies, movie_index = _by_appearance(movies, rows.movie_index)
            rows = replace(rows, user_index=user_index, movie_index=movie_index)
            notes.append(note)
        layout = source.layout.name
        terms = terms_of(found.path, layout, rows.ratings.size)
        if items is None:
            described = load_titles(found.path, layout, movies, notes)
        else:
            described = load_items(stack.enter_context(local_copy(items, MOVIELENS_FILES)), movies, notes)
    return RatingsTable(
        name=terms.name,
        layout=layout,
        path=found.path if isinstance(path, Path) else str(path),
        sha256=source.sha256,
        licence=terms.licence,
        redistributable=terms.redistributable,
        users=users,
        movies=movies,
        user_index=rows.user_index,
        movie_index=rows.movie_index,
        ratings=rows.ratings,
        timestamps=rows.timestamps,
        titles=described.titles,
        edges=described.edges,
        notes=tuple(notes),
        unread_times=times.problem,
        scale=RatingScale.observed(*scale, np.unique(rows.ratings)),
    )


def _notes(source: Source, columns: ColumnNames | None) -> list[str]:
    """Return notes on how the files were understood."""
    notes, layout = [], source.layout
    if any(part.plain.latin1 for part in source.parts):
        notes.append(
            "the file is not UTF-8, and was read as Latin-1 (Windows-1252); if letters are wrong, save it as "
            "UTF-8"
        )
    if columns is not None and columns.by_place() is not None and layout.header:
        notes.append(
            f"line 1 has no rating and was taken for a header: {shown(', '.join(layout.names), 120)}"
        )
    if columns is not None or layout.name not in ("csv", "json", "parquet"):
        return notes
    taken = {OPTION_NAMES[role]: layout.names[place] for role, place in layout.positions.items()}
    if layout.kind in ("delimited", "blanks") and not layout.header:
        notes.append(
            f"there is no header; the columns were taken as {', '.join(taken)}. If they are others, number "
            "them: --columns user=1,movie=2,rating=3"
        )
    elif not all(is_usual(role, layout.names[place]) for role, place in layout.positions.items()):
        notes.append(f"columns: {', '.join(f'{role}={name}' for role, name in taken.items())}")
    return notes


def _refuse_first(source: Source, *problems: Problem | None) -> None:
    found = [problem for problem in problems if problem is not None]
    if found:
        first = min(found, key=lambda problem: problem.row)
        raise source.error(first.message, first.row)


def _repeated(
    source: Source, users: Vocabulary, movies: Vocabulary, rows: Rows, pairs: NDArray[np.int64]
) -> DataError:
    second, first, many = first_repeat(pairs)
    user, movie = users[int(rows.user_index[second])], movies[int(rows.movie_index[second])]
    counted = "1 pair is" if many == 1 else f"{many:,} pairs are"
    return source.error(
        f"{user} rates {movie} a second time, first on {source.place(first)}; {counted} repeated: say "
        "which rating counts by --repeats last, first or mean",
        second,
    )


def _once_each(
    rows: Rows, pairs: NDArray[np.int64], repeats: Literal["last", "mean", "first"]
) -> tuple[Rows, str]:
    """Merge the rows of each pair, and return a note on it."""
    kept, ratings = merged(pairs, rows.ratings, rows.timestamps, repeats)
    note = f"merged {pairs.size - kept.size:,} repeated ratings: of each pair the {repeats} counts"
    times = rows.timestamps
    return Rows(
        rows.user_index[kept], rows.movie_index[kept], ratings, None if times is None else times[kept]
    ), note


def _by_appearance(catalogue: Vocabulary, index: NDArray[np.int32]) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Reorder text ids by first appearance in the remaining rows; numbers stay as they are."""
    if catalogue.prefix is not None:
        return catalogue, index
    _, first = np.unique(index, return_index=True)
    order = np.argsort(first)
    place = np.empty(order.size, dtype=np.int32)
    place[order] = np.arange(order.size, dtype=np.int32)
    return catalogue.reordered(order, order.size), place[index]
