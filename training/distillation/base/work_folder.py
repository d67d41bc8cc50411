"""A cache of finished steps, so that an interrupted run can resume.

A step is stored under a key: the digest of everything that determines its result. Different settings, data,
split or seed give a different key. A step's folder is renamed into place once it is complete, so every folder
under a key is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.files import exclusive_lock
from training.errors import TrainingError

_ARRAYS: Final = "arrays.npz"
_NOTES: Final = "notes.json"
_UNFINISHED: Final = ".unfinished-"
# Part of every key; increment it when a change of the algorithm changes a step's result.
_ALGORITHM: Final = 2


@dataclass(frozen=True)
class Step:
    """A finished step.

    Attributes:
        folder: Its folder.
        arrays: Its results, by name.
        notes: Notes about the run, such as its duration.
    """

    folder: Path
    arrays: Mapping[str, NDArray[Any]]
    notes: Mapping[str, Any]


@contextmanager
def open_work_folder(path: Path) -> Iterator[WorkFolder]:
    """Open the work folder at `path` for one run at a time, and create it if missing.

    Raises:
        TrainingError: The folder cannot be created, or another run is using it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(path / ".lock", wait=False):
            # Unfinished folders were left by a run that was killed.
            for left_over in path.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left_over, ignore_errors=True)
            yield WorkFolder(path)
    except BlockingIOError:
        raise TrainingError(f"{path}: another run is using this work folder; choose another --work") from None
    except OSError as error:
        raise TrainingError(f"{path}: the work folder cannot be used ({error.strerror or error})") from error


class WorkFolder:
    """The finished steps of any number of runs, by key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def step(
        self,
        name: str,
        decided_by: Mapping[str, Any],
        make: Callable[[Path], tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]],
    ) -> Step:
        """Return the result of a step, from an earlier run if there is one.

        Args:
            name: Name of the step; its folder is called `<name>-<key>`.
            decided_by: Everything that determines the result, as JSON values.
            make: Computes the step. It receives a folder for large files and returns arrays and notes.

        Raises:
            OSError: The folder cannot be written.
        """
        folder = self.path / f"{name}-{_key(decided_by)}"
        found = _read(folder)
        if found is not None:
            return Step(folder, *found)
        unfinished = tempfile.TemporaryDirectory(
            prefix=f"{_UNFINISHED}{name}-", dir=self.path, ignore_cleanup_errors=True
        )
        with unfinished as parent:
            made = Path(parent) / folder.name
            made.mkdir()
            arrays, notes = make(made)
            with (made / _ARRAYS).open("wb") as file:
                np.savez(file, **dict(arrays))  # type: ignore[arg-type, unused-ignore]
            text = json.dumps({"decided_by": decided_by, "notes": notes}, indent=1)
            (made / _NOTES).write_text(text, encoding="utf-8")
            if folder.exists():  # unreadable, otherwise _read would have returned it
                shutil.rmtree(folder)
            made.rename(folder)
        return Step(folder, arrays, notes)


def _key(decided_by: Mapping[str, Any]) -> str:
    text = json.dumps({"algorithm": _ALGORITHM, **decided_by}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(folder: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    try:
        with np.load(folder / _ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        notes = json.loads((folder / _NOTES).read_text(encoding="utf-8"))["notes"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return arrays, notes
