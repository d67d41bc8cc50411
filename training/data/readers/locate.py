"""Finds the ratings file that a path means."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from training.errors import DataError

RATINGS_NAMES: Final = ("ratings.dat", "u.data", "ratings.csv")


def find_ratings(path: Path) -> Path:
    """The ratings file at `path`, in it, or one folder below it (where an unpacked archive leaves it).

    Args:
        path: A ratings file, or a folder with exactly one of `ratings.dat`, `u.data`, `ratings.csv` or
            `*.parquet`.

    Raises:
        DataError: When there is none, or more than one, or it is not a plain file.
    """
    try:
        if path.is_file():
            return path
        if not path.is_dir():
            what = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise DataError(
                path,
                f"{what}; give a ratings file or its folder, or fetch one: python -m training download NAME",
            )
        found = _ratings_in(path)
        if not found:
            below = (entry for entry in sorted(path.iterdir()) if not entry.name.startswith("."))
            found = [file for entry in below if entry.is_dir() for file in _ratings_in(entry)]
    except OSError as error:
        raise DataError(path, f"cannot be looked into: {error.strerror or error}") from error
    if not found:
        looked_for = ", ".join((*RATINGS_NAMES, "*.parquet"))
        raise DataError(
            path, f"holds no ratings file ({looked_for}); give the file itself if it has another name"
        )
    if len(found) > 1:
        names = ", ".join(str(file.relative_to(path)) for file in found[:5])
        raise DataError(path, f"holds several ratings files ({names}); give the one that is meant")
    return found[0]


def _ratings_in(folder: Path) -> list[Path]:
    named = [folder / name for name in RATINGS_NAMES]
    return [file for file in (*named, *sorted(folder.glob("*.parquet"))) if file.is_file()]
