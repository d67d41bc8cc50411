"""The error classes of training and of the artefact reader.

These classes do not depend on HTTP or exit codes.
"""

from __future__ import annotations

from pathlib import Path


class TrainingError(Exception):
    """Base of all errors. `str()` states what is wrong, where, and what to do, in one printable line."""

    def __init__(self, line: str) -> None:
        # A quoted path or value may contain line ends or terminal control sequences.
        super().__init__("".join(letter if letter.isprintable() else " " for letter in line))


class DataError(TrainingError):
    """A ratings or movies file that cannot be read or is invalid.

    Attributes:
        path: The file.
        message: What is wrong with it.
        line: 1-based line number, or None if the error concerns the whole file.
    """

    def __init__(self, path: Path | str, message: str, line: int | None = None) -> None:
        self.path, self.message, self.line = Path(path), message, line
        super().__init__(f"{path}:{line}: {message}" if line is not None else f"{path}: {message}")


class SplitError(TrainingError):
    """A split that this data does not allow."""


class SettingsError(TrainingError):
    """Hyperparameters that are not legal together."""


class ReportError(TrainingError):
    """Plots, a summary or scores that cannot be written."""


class DownloadError(TrainingError):
    """A data set that could not be fetched, or did not match its digest."""


class ClusterError(TrainingError):
    """A cluster that cannot be used, or that could not finish a task."""


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


class StoreMissing(ArtefactMissing):
    """A models store that does not exist, or holds no model."""


class ArtefactDamaged(ArtefactError):
    """Files that differ from the manifest, or cannot be read."""


class ArtefactForeign(ArtefactError):
    """Written by another program or in a newer format, or with content that is never loaded."""


class StoreUnreachable(ArtefactError):
    """An address of a store that cannot be reached, or that denies access."""


class PushRefused(ArtefactError):
    """Another push has changed the current version of the store meanwhile."""
