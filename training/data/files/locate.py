"""Find the ratings files at a path."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.errors import DataError

RATINGS_NAMES: Final = ("ratings.dat", "u.data", "ratings.csv")
# Files that are one data set together, in the order of their names.
_PARTS: Final = ("part-*", "combined_data_*.txt", "mv_*.txt")
# Patterns of the files of a partition. Files of one kind in the first folder that has any are the parts.
_PARTITIONS: Final = ("*.parquet", "*.pq", "*.csv", "*.csv.gz", "*.csv.zst", "*.csv.bz2", "*.csv.xz", "*.tsv")
# Digits, and the hexadecimal digits of a UUID, in which the names of parts differ.
_NUMBERING: Final = re.compile(r"[0-9a-f]{4,}|[0-9]+|[-_.]")


@dataclass(frozen=True)
class Found:
    """The ratings at a path.

    Attributes:
        path: The ratings file, or the folder of its parts.
        files: The files, in the order of their rows.
    """

    path: Path
    files: tuple[Path, ...]


def find_files(path: Path) -> Found:
    """Find the ratings at `path`, in this folder, or one folder below it (as in an unpacked archive).

    Args:
        path: A ratings file; a pattern of files (`ratings/*.parquet`, `ratings/**/*.csv`); or a folder with
            exactly one of `ratings.dat`, `u.data`, `ratings.csv` or `*.parquet`, or with the parts of one:
            named as by Spark (`part-*`) or the Netflix Prize, CSV or Parquet files whose names differ only in
            numbers, or folders of partitions (`year=2020/...`).

    Raises:
        DataError: There is no ratings file, more than one, or it is not a regular file.
    """
    try:
        if path.is_file():
            return Found(path, (path,))
        if not path.exists() and glob.has_magic(str(path)):
            return _matching(path)
        if not path.is_dir():
            what = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise DataError(
                path,
                f"{what}; give a ratings file or its folder, or fetch one: python -m training download NAME",
            )
        found = _ratings_in(path)
        if not found:
            below = (entry for entry in sorted(path.iterdir()) if not entry.name.startswith((".", "_")))
            found = [one for entry in below if entry.is_dir() for one in _ratings_in(entry)]
    except OSError as error:
        raise DataError(path, f"cannot be looked into: {error.strerror or error}") from error
    if not found:
        looked_for = ", ".join((*RATINGS_NAMES, "*.parquet", *_PARTS))
        raise DataError(
            path, f"holds no ratings file ({looked_for}); give the file itself if it has another name"
        )
    if len(found) > 1:
        names = ", ".join(str(one.path.relative_to(path)) for one in found[:5])
        raise DataError(
            path,
            f"holds several ratings files ({names}); give the one that is meant, or a pattern of them",
        )
    return found[0]


def find_ratings(path: Path) -> Path:
    """Find the ratings file at `path`, or the folder of its parts, as `find_files` does.

    Raises:
        DataError: There is no ratings file, more than one, or it is not a regular file.
    """
    return find_files(path).path


def _matching(pattern: Path) -> Found:
    """Return the files that a pattern matches; the data set is named after the folder without wildcards."""
    folder = next(parent for parent in pattern.parents if not glob.has_magic(str(parent)))
    names = str(pattern.relative_to(folder))
    files = tuple(file for file in sorted(folder.glob(names)) if file.is_file())
    if not files:
        raise DataError(pattern, "matches no file; quote the pattern, so that the shell does not expand it")
    if len(files) == 1:
        return Found(files[0], files)
    return Found(folder, files)


def _ratings_in(folder: Path) -> list[Found]:
    for pattern in _PARTS:
        parts = tuple(file for file in sorted(folder.glob(pattern)) if file.is_file())
        if parts:
            return [Found(folder, parts)]
    named = [file for file in (folder / name for name in RATINGS_NAMES) if file.is_file()]
    partitions = () if named else _partitions_in(folder)
    if partitions:
        return [Found(folder, partitions)]
    files = [*named, *(file for file in sorted(folder.glob("*.parquet")) if file.is_file())]
    return [Found(file, (file,)) for file in files]


def _partitions_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of a data set that is stored in partitions, or none if it is not."""
    is_nested = any("=" in entry.name and entry.is_dir() for entry in folder.iterdir())
    for pattern in _PARTITIONS:
        files = [
            file
            for file in sorted(folder.rglob(pattern) if is_nested else folder.glob(pattern))
            if file.is_file() and not _is_hidden(file.relative_to(folder))
        ]
        names = {_NUMBERING.sub("", file.name) for file in files}
        if files and (is_nested or (len(files) > 1 and len(names) == 1)):
            return tuple(files)
    return ()


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)
