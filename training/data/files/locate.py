"""Find the ratings files at a path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.errors import DataError

RATINGS_NAMES: Final = ("ratings.dat", "u.data", "ratings.csv")
# Files that are one data set together, in the order of their names.
_PARTS: Final = ("part-*", "combined_data_*.txt", "mv_*.txt")


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
        path: A ratings file, or a folder with exactly one of `ratings.dat`, `u.data`, `ratings.csv` or
            `*.parquet`, or with the parts of one, as Spark (`part-*`) or the Netflix Prize name them.

    Raises:
        DataError: There is no ratings file, more than one, or it is not a regular file.
    """
    try:
        if path.is_file():
            return Found(path, (path,))
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
        raise DataError(path, f"holds several ratings files ({names}); give the one that is meant")
    return found[0]


def find_ratings(path: Path) -> Path:
    """Find the ratings file at `path`, or the folder of its parts, as `find_files` does.

    Raises:
        DataError: There is no ratings file, more than one, or it is not a regular file.
    """
    return find_files(path).path


def _ratings_in(folder: Path) -> list[Found]:
    for pattern in _PARTS:
        parts = tuple(file for file in sorted(folder.glob(pattern)) if file.is_file())
        if parts:
            return [Found(folder, parts)]
    named = [folder / name for name in RATINGS_NAMES]
    files = [file for file in (*named, *sorted(folder.glob("*.parquet"))) if file.is_file()]
    return [Found(file, (file,)) for file in files]
