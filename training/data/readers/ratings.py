"""Loads ratings: every MovieLens layout, a plain CSV, and Parquet.

| layout | ratings file | looks like | movies file |
| --- | --- | --- | --- |
| `ml-1m` (1M, 10M) | `ratings.dat` | `1::1193::5::978300760` | `movies.dat` |
| `ml-100k` | `u.data` | the same with tabs | `u.item`, `u.genre` |
| `ml-csv` (latest, 20M, 25M, 32M) | `ratings.csv` | header `userId,movieId,rating,timestamp` | `movies.csv` |
| `csv` | any name | header with user, movie, rating; `,` `;` or tab | `movies.csv`, if MovieLens's |
| `parquet` | `*.parquet` | the same columns | likewise |

One set of rules for all of them. A file that breaks one is refused with its first offending line:

- Every line has exactly as many fields as its layout, and none is blank. The last newline is optional.
- Text is UTF-8, with or without a byte order mark; lines end in LF or CRLF. Movies files of the first two
  layouts may be Latin-1.
- An id has 1 to 256 characters, no blanks around it and no control characters, and is taken verbatim.
- A rating is a plain number from 0 to 5: not `nan`, not `3,5`, not on another scale.
- A time is a whole number of seconds since 1970. Only `csv` and `parquet` may have none.
- A user rates a movie once. The line of a second rating is refused, naming the first one's too.
- Titles may be missing; a movies file that is there must be readable.
"""

from __future__ import annotations

from pathlib import Path

from training.data.readers.columns import ColumnNames
from training.data.readers.delimited import read_delimited
from training.data.duplicates import refuse_repeated_pairs
from training.data.readers.known_sets import terms_of
from training.data.readers.layouts import recognise
from training.data.readers.locate import find_ratings
from training.data.readers.movies_file import load_titles
from training.data.readers.parquet import read_parquet
from training.data.raw import RawRatings
from training.data.table import RatingsTable
from training.data.readers.text_scan import file_sha256, scan_text
from training.data.vocabulary import build_catalogue
from training.errors import DataError

__all__ = ["ColumnNames", "load_ratings"]

_PARQUET_MAGIC = b"PAR1"


def load_ratings(path: Path, *, columns: ColumnNames | None = None) -> RatingsTable:
    """Loads the ratings at `path`, whatever layout they have.

    Args:
        path: A ratings file, or the folder that has one (directly, or one folder below).
        columns: The columns to read, for a CSV or Parquet file that does not use the usual words.

    Raises:
        DataError: When the file breaks a rule of this module; with the line, where there is one.
    """
    file = find_ratings(path)
    layout, sha256, raw = _read(file, columns)
    users, user_index = build_catalogue(raw.users, "user_")
    movies, movie_index = build_catalogue(raw.movies, "movie_")
    refuse_repeated_pairs(file, users, movies, user_index, movie_index, raw.first_line)
    rows = int(raw.ratings.size)
    terms = terms_of(file, layout, rows)
    # Copies of a set whose times were blanked out hold 0 on every line. That is no order in time, and
    # a time split of it would be a split by row.
    timed = raw.timestamps is not None and bool(raw.timestamps.any())
    return RatingsTable(
        name=terms.name,
        layout=layout,
        path=file,
        sha256=sha256,
        licence=terms.licence,
        redistributable=terms.redistributable,
        users=users,
        movies=movies,
        user_index=user_index,
        movie_index=movie_index,
        ratings=raw.ratings,
        timestamps=raw.timestamps if timed else None,
        titles=load_titles(file, layout, movies),
    )


def _read(file: Path, columns: ColumnNames | None) -> tuple[str, str, RawRatings]:
    """Layout, digest and checked columns of a ratings file."""
    if file.suffix.lower() in (".parquet", ".pq") or _begins_as_parquet(file):
        return "parquet", file_sha256(file), read_parquet(file, columns)
    layout = recognise(file, columns)
    scan = scan_text(file)
    return layout.name, scan.sha256, read_delimited(file, layout, scan)


def _begins_as_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError as error:
        raise DataError(file, f"cannot be read: {error.strerror or error}") from error
