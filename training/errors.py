"""Everything that training and the artefact reader can refuse, as one tree.

TrainingError               what was wrong, where, and what to do; shown to the user as one line
├── DataError               a ratings or movies file that cannot be read as what it claims to be
├── SplitError              a split that this data does not allow
├── SettingsError           hyperparameters that are not legal together
├── ReportError             plots or a summary that cannot be written
├── DownloadError           a data set that could not be fetched or did not match its digest
└── ArtefactError           a model folder that must not be served
    ├── ArtefactMissing     no folder, no manifest, or no model file
    ├── ArtefactDamaged     bytes that are not the ones the manifest states, or that cannot be read
    └── ArtefactForeign     written by another program, a newer format, or holding what is never loaded

None of these knows about HTTP or exit codes.
"""

from __future__ import annotations

from pathlib import Path


class TrainingError(Exception):
    """Base of every refusal; `str()` is one complete line for the user, whatever it repeats."""

    def __init__(self, line: str) -> None:
        # A path or a value may hold line ends, or what a terminal takes for a command.
        super().__init__("".join(letter if letter.isprintable() else " " for letter in line))


class DataError(TrainingError):
    """A file that cannot be read as ratings.

    Attributes:
        path: The file.
        line: 1-based line number, or None where the whole file is meant.
    """

    def __init__(self, path: Path | str, message: str, line: int | None = None) -> None:
        self.path, self.line = Path(path), line
        super().__init__(f"{path}:{line}: {message}" if line is not None else f"{path}: {message}")


class SplitError(TrainingError):
    """A split that this data does not allow."""


class SettingsError(TrainingError):
    """Hyperparameters that are not legal together."""


class ReportError(TrainingError):
    """Plots or a summary that cannot be written."""


class DownloadError(TrainingError):
    """A data set that could not be fetched, or is not the one that was asked for."""


class ArtefactError(TrainingError):
    """A model folder that must not be served.

    Attributes:
        path: The file or folder that was refused.
        reason: What is wrong with it.
    """

    def __init__(self, path: Path | str, message: str) -> None:
        self.path, self.reason = Path(path), message
        super().__init__(f"{path}: {message}")


class ArtefactMissing(ArtefactError):
    """No folder, no manifest, or no model file."""


class ArtefactDamaged(ArtefactError):
    """Bytes that are not the ones the manifest states, or that cannot be read."""


class ArtefactForeign(ArtefactError):
    """Written by another program, a newer format, or holding what is never loaded."""
