"""Score all users or a file of pairs into a folder of parts, which an interrupted run completes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.artefact.engine import RatingTables, movie_indices, rate_with_fallback, read_tables, rounded
from training.artefact.files import atomic_write
from training.artefact.reader import Artefact
from training.bulk.blocks import BestMovies, BestOf, Ranker, best_of_users, joined
from training.data.files.columns import RATING_WORDS, Words, match_columns
from training.data.files.engine import connect, named, path_of, quoted
from training.data.files.remote import Place, local_copy
from training.data.files.text_scan import file_sha256
from training.data.files.values import shown
from training.distillation.base.threads import in_threads, one_blas_thread
from training.errors import DataError, ReportError, SettingsError

if TYPE_CHECKING:
    from training.factors.solver import Runner

Format = Literal["parquet", "csv"]
OnPart = Callable[[int, int], None]
"""Called with (users or pairs done, users or pairs in all)."""

RECORD: Final = "score.json"
UNKNOWN_USERS: Final = "unknown_users.csv"
# Users of a task: a fraction of a second with 10,000 movies.
TASK_USERS: Final = 4_096
# Parts whose tasks are given to a cluster together, so that the model is sent once for all of them.
_PARTS_TOGETHER: Final = 16
PART_USERS: Final = 65_536
PART_PAIRS: Final = 1_048_576
# The columns are known by the same words as in a file of ratings.
_PAIR: Final[Words] = {role: RATING_WORDS[role] for role in ("user", "movie")}
_USER: Final[Words] = {"user": RATING_WORDS["user"]}


@dataclass(frozen=True)
class Scored:
    """What is in the folder after a run.

    Attributes:
        rows: Number of users or pairs that were scored, in this run or before.
        parts: Number of files.
        skipped: Number of users that have no training ratings.
    """

    rows: int
    parts: int
    skipped: int = 0


def score_users(
    artefact: Artefact,
    out: Path,
    *,
    top: int = 10,
    exclude_rated: bool = False,
    users: Place | None = None,
    kind: Format = "parquet",
    part_users: int = PART_USERS,
    runner: Runner | None = None,
    on_part: OnPart | None = None,
) -> Scored:
    """Write the best movies of many users: columns `user_id`, `rank` (from 1), `movie_id` and `rating`.

    The movies, their order and their ratings are those of the service's `/recommend`.

    Args:
        artefact: The model.
        out: Folder of the parts. A run with the same arguments completes it.
        top: Number of movies for each user.
        exclude_rated: Whether to leave out the movies that a user rated.
        users: CSV or Parquet file of user ids, or its address: one a row, in a column for users (`user_id`)
            or the first one; None for all users that have training ratings. Those that have none are listed
            in `unknown_users.csv`.
        kind: Format of the parts.
        part_users: Number of users in a part.
        runner: Runs blocks of users on a cluster; threads of this machine by default.
        on_part: Called after each part.

    Raises:
        SettingsError: The model has no ratings to leave out, or the folder has parts of another run.
        DataError: The file of users cannot be read.
        ReportError: The folder cannot be written.
    """
    if exclude_rated and artefact.given is None:
        raise SettingsError(
            f"{artefact.manifest.name} has no ratings, so --exclude-rated has nothing to leave out; "
            "a model that is trained without --shareable and --no-ratings has them"
        )
    wanted, unknown, digest = _wanted_users(artefact, users, out)
    record = {
        "what": "users",
        "top": top,
        "exclude_rated": exclude_rated,
        "part_users": part_users,
        "users": digest,
    }
    _start_folder(artefact, out, record, kind)
    if unknown:
        with atomic_write(out / UNKNOWN_USERS) as hidden:
            hidden.write_text("\n".join(["user_id", *unknown, ""]), encoding="utf-8")
    ranker = Ranker.of(
        read_tables(artefact.archive), artefact.movies.warm, artefact.given if exclude_rated else None
    )
    parts = [
        (out / f"part-{number:05}.{kind}", wanted[start : start + part_users])
        for number, start in enumerate(range(0, wanted.size, part_users))
    ]
    with connect([], out) as database, one_blas_thread():
        places = np.arange(artefact.movies.warm)
        movies = pd.DataFrame({"place": places, "movie_id": artefact.movies.at(places)})
        database.register("movies", movies)
        missing = [(path, part) for path, part in parts if not path.exists()]
        done = int(wanted.size) - sum(part.size for _, part in missing)
        found = _best([part for _, part in missing], BestOf(ranker, top), runner)
        for (path, part), best in zip(missing, found, strict=True):
            _write_users(database, path, artefact, part, best)
            done += part.size
            if on_part:
                on_part(done, int(wanted.size))
    return Scored(int(wanted.size), len(parts), len(unknown))


def score_pairs(
    artefact: Artefact, pairs: Place, out: Path, *, kind: Format = "parquet", on_part: OnPart | None = None
) -> Scored:
    """Write the ratings of pairs: columns `user_id`, `movie_id`, `rating`, `known_user` and `known_movie`.

    The rows are those of the file in its order, and the ratings those of the service's `/predict/batch` with
    `on_unknown: "fallback"`: a pair with an id that has no training ratings gets a mean.

    Args:
        artefact: The model.
        pairs: CSV or Parquet file, or its address, with a column for users and one for movies, such as
            `user_id` and `movie_id`; other columns are ignored.
        out: Folder of the parts. A run with the same arguments completes it.
        kind: Format of the parts.
        on_part: Called after each part.

    Raises:
        SettingsError: The folder has parts of another run.
        DataError: The file cannot be read, or a row has no id.
        ReportError: The folder cannot be written.
    """
    with local_copy(pairs) as local:
        return _score_pairs(artefact, local, out, kind, on_part)


def _score_pairs(artefact: Artefact, pairs: Path, out: Path, kind: Format, on_part: OnPart | None) -> Scored:
    with connect([pairs], out) as database:
        with _errors_of(pairs):
            source, columns = _source(database, pairs)
            user, movie = (named(column) for column in _pair_columns(pairs, columns))
            ((total,),) = database.execute(f"SELECT count(*) FROM {source}").fetchall()
            rows = database.execute(
                f"SELECT {user}::VARCHAR AS user_id, {movie}::VARCHAR AS movie_id FROM {source}"
            )
        _start_folder(artefact, out, {"what": "pairs", "pairs": file_sha256(pairs)}, kind)
        tables, writer = read_tables(artefact.archive), database.cursor()
        done = parts = 0
        while done < total:
            with _errors_of(pairs):
                chunk = rows.fetch_df_chunk(PART_PAIRS // duckdb.__standard_vector_size__)
            if chunk.isna().any(axis=None):
                row = int(chunk.isna().any(axis=1).to_numpy().argmax())
                raise DataError(pairs, f"row {done + row + 1} has no user or no movie")
            path = out / f"part-{parts:05}.{kind}"
            if not path.exists():
                _write_pairs(writer, path, artefact, tables, chunk)
            done += len(chunk)
            parts += 1
            if on_part:
                on_part(done, total)
    return Scored(done, parts)


def _best(parts: Sequence[NDArray[np.int32]], task: BestOf, runner: Runner | None) -> Iterator[BestMovies]:
    """Yield the best movies of each part; tasks of several parts are given to a runner together."""
    for start in range(0, len(parts), _PARTS_TOGETHER):
        together = [
            [part[first : first + TASK_USERS] for first in range(0, part.size, TASK_USERS)]
            for part in parts[start : start + _PARTS_TOGETHER]
        ]
        blocks = [block for part in together for block in part]
        found = (
            runner.run(best_of_users, blocks, task)
            if runner
            else in_threads(lambda block: best_of_users(block, task), blocks)
        )
        for part in together:
            yield joined([next(found) for _ in part])


def _write_pairs(
    database: duckdb.DuckDBPyConnection,
    path: Path,
    artefact: Artefact,
    tables: RatingTables,
    pairs: pd.DataFrame,
) -> None:
    scored = rate_with_fallback(
        tables.rate,
        artefact.fallback,
        artefact.users.indices(pairs["user_id"].tolist()),
        movie_indices(artefact.fallback, artefact.movies, pairs["movie_id"].tolist()),
        artefact.users.warm,
        artefact.movies.warm,
    )
    frame = pairs.assign(
        rating=rounded(scored.ratings), known_user=scored.known_user, known_movie=scored.known_movie
    )
    _copy(database, "SELECT * FROM frame", path, {"frame": frame})


def _write_users(
    database: duckdb.DuckDBPyConnection,
    path: Path,
    artefact: Artefact,
    users: NDArray[np.int32],
    best: BestMovies,
) -> None:
    ends = np.cumsum(best.counts)
    frame = pd.DataFrame(
        {
            "user": np.repeat(np.arange(users.size), best.counts),
            "rank": np.arange(ends[-1]) - np.repeat(ends - best.counts, best.counts) + 1,
            "movie": best.movies,
            "rating": rounded(best.ratings),
        }
    )
    ids = pd.DataFrame({"place": np.arange(users.size), "user_id": artefact.users.at(users)})
    query = (
        "SELECT user_id, rank::INTEGER AS rank, movie_id, rating FROM frame "
        "JOIN ids ON frame.user = ids.place JOIN movies ON frame.movie = movies.place "
        "ORDER BY frame.user, rank"
    )
    _copy(database, query, path, {"frame": frame, "ids": ids})


def _copy(
    database: duckdb.DuckDBPyConnection, query: str, path: Path, frames: Mapping[str, pd.DataFrame]
) -> None:
    """Write the result of a query to a file, whole or not at all."""
    for name, frame in frames.items():
        database.register(name, frame)
    hidden = path.with_name(f".{path.name}")
    form = "FORMAT parquet, COMPRESSION zstd" if path.suffix == ".parquet" else "FORMAT csv, HEADER"
    try:
        database.execute(f"COPY ({query}) TO {quoted(str(hidden.resolve()))} ({form})")
        hidden.replace(path)
    except (duckdb.Error, OSError) as error:
        raise ReportError(f"--out: {path} cannot be written: {str(error).splitlines()[0]}") from error
    for name in frames:
        database.unregister(name)


def _wanted_users(
    artefact: Artefact, users: Place | None, out: Path
) -> tuple[NDArray[np.int32], list[str], str]:
    """Return indices of the users to score, ids without training ratings, and the digest of the file."""
    warm = artefact.users.warm
    if users is None:
        return np.arange(warm, dtype=np.int32), [], "all"
    with local_copy(users) as file, connect([file], out) as database, _errors_of(file):
        source, columns = _source(database, file)
        digest = file_sha256(file)
        own = named(columns[match_columns(columns, None, file, _USER).get("user", 0)])
        ids = [one for (one,) in database.execute(f"SELECT {own}::VARCHAR FROM {source}").fetchall() if one]
    index = artefact.users.indices(ids)
    known = (index >= 0) & (index < warm)
    # A user that is named twice is scored once.
    _, first = np.unique(index[known], return_index=True)
    return index[known][np.sort(first)], [ids[place] for place in np.flatnonzero(~known)], digest


def _start_folder(artefact: Artefact, out: Path, record: Mapping[str, Any], kind: Format) -> None:
    """Create the folder with the record of what it is for, or check that it is for the same.

    Raises:
        SettingsError: It has parts of another model or of other settings.
    """
    manifest = artefact.manifest
    own = {"model": manifest.name, "sha256": manifest.model_file.sha256, "format": kind, **record}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"--out: {out} cannot be written: {error.strerror}") from error
    path = out / RECORD
    if not path.exists():
        if any(out.glob("part-*")):
            raise SettingsError(f"--out: {out} has parts but no {RECORD}; choose another folder")
        with atomic_write(path) as hidden:
            hidden.write_text(json.dumps(own, indent=2), encoding="utf-8")
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise SettingsError(f"--out: {path} is damaged; choose another folder, or remove it") from None
    differing = [name for name in own if found.get(name) != own[name]]
    if differing:
        raise SettingsError(
            f"--out: {out} has the scores of another run ({', '.join(differing)} differ); choose another "
            "folder, or remove it"
        )


def _pair_columns(path: Path, columns: Sequence[str]) -> tuple[str, str]:
    """Return the names of the columns of users and of movies."""
    found = match_columns(columns, None, path, _PAIR)
    missing = " and ".join(f"the {role}" for role in _PAIR if role not in found)
    if missing:
        there = shown(", ".join(columns), 120)
        raise DataError(path, f"has the columns {there}, none of which is known as {missing}")
    return columns[found["user"]], columns[found["movie"]]


def _source(database: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, list[str]]:
    """Return the table function that reads a file, and the names of its columns."""
    if not path.is_file():
        raise DataError(path, "there is no such file")
    reader = "read_parquet({})" if path.suffix == ".parquet" else "read_csv({}, all_varchar = true)"
    source = reader.format(path_of(path))
    described = database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return source, [name for name, *_ in described]


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Raise errors of DuckDB as those of a file that cannot be read."""
    try:
        yield
    except duckdb.Error as error:
        raise DataError(path, f"cannot be read: {str(error).splitlines()[0]}") from error
