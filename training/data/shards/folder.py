"""Shards in a folder of NumPy files, which other processes and a resumed run map into memory.

| file | content |
| --- | --- |
| `{users,movies}_{starts,others,stars}.npy` | the arrays of `Side` |
| `{validation,test}_{user_index,movie_index,ratings}.npy` | the arrays of `Examples` |
| `shards.json` | `{"format": 1, "scale": [low, high, step], "mean": 3.5, "test_sha256": "..."}` |

The folder appears only when it is complete.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Examples
from training.data.large_arrays import release
from training.data.shards.shards import Shards, Side
from training.errors import TrainingError

_FORMAT: Final = 1
_SUMMARY: Final = "shards.json"
_SIDE: Final = ("starts", "others", "stars")
_EXAMPLES: Final = ("user_index", "movie_index", "ratings")


def write_shards(shards: Shards, folder: Path, test_sha256: str) -> Shards:
    """Write shards to a new folder atomically, and return them as mapped from it.

    Args:
        shards: The ratings.
        folder: The folder, which must not exist; its parent is created if missing.
        test_sha256: Digest of the split (`Split.test_sha256`), by which `read_shards` recognises it.

    Raises:
        TrainingError: The folder exists or cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, array in _arrays(shards):
                np.save(unfinished / f"{name}.npy", array)
                release(array)
            scale = [shards.scale.low, shards.scale.high, shards.scale.step]
            summary = {"format": _FORMAT, "scale": scale, "mean": shards.mean, "test_sha256": test_sha256}
            (unfinished / _SUMMARY).write_text(json.dumps(summary))
            if folder.exists():
                raise TrainingError(f"{folder} exists; remove it, or choose another folder for the shards")
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise TrainingError(f"the shards cannot be written to {folder}: {error.strerror or error}") from error
    return read_shards(folder, test_sha256)


def read_shards(folder: Path, test_sha256: str) -> Shards:
    """Map the shards that `write_shards` wrote.

    Args:
        folder: The folder.
        test_sha256: Digest of the split that is expected.

    Raises:
        TrainingError: The folder has no shards, or those of another split.
    """
    try:
        summary = json.loads((folder / _SUMMARY).read_text())
        if summary["format"] != _FORMAT or summary["test_sha256"] != test_sha256:
            raise TrainingError(f"{folder} has the shards of other data or another split; remove it")
        arrays: dict[str, NDArray[Any]] = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _names()
        }
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise TrainingError(f"{folder} has no readable shards ({error}); remove it") from error
    users, movies = (Side(*(arrays[f"{side}_{name}"] for name in _SIDE)) for side in ("users", "movies"))
    validation, test = (
        Examples(*(arrays[f"{part}_{name}"] for name in _EXAMPLES)) for part in ("validation", "test")
    )
    return Shards(users, movies, validation, test, RatingScale(*summary["scale"]), summary["mean"])


def _names() -> list[str]:
    sides = [f"{side}_{name}" for side in ("users", "movies") for name in _SIDE]
    return sides + [f"{part}_{name}" for part in ("validation", "test") for name in _EXAMPLES]


def _arrays(shards: Shards) -> list[tuple[str, NDArray[Any]]]:
    sides = [getattr(side, name) for side in (shards.users, shards.movies) for name in _SIDE]
    parts = [getattr(part, name) for part in (shards.validation, shards.test) for name in _EXAMPLES]
    return list(zip(_names(), sides + parts, strict=True))
