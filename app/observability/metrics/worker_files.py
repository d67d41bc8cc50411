"""One small file per worker with its counts, in a temporary folder that the workers of a service share."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from app.contract.errors import StartError
from app.observability.metrics.counters import Values
from training.artefact.files import remove_abandoned, temporary_folder

# A worker that has not written for this time counts as ended.
ALIVE_SECONDS: Final = 5.0
PREFIX: Final = "ratings-workers-"

logger = logging.getLogger(__name__)


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Create a temporary folder, which is locked as long as this process or one forked from it lives.

    Raises:
        StartError: It cannot be created or locked.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(temporary_folder(PREFIX))
        except OSError as error:
            raise StartError(
                f"several workers need a folder for temporary files (TMPDIR): {error}"
            ) from error
        yield path


def remove_abandoned_folders() -> None:
    """Remove shared folders of services that were killed: those of this user that no process has locked."""
    remove_abandoned(PREFIX)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counts and the current state of a worker; the state is empty if the worker has ended."""

    worker: str
    counts: Values
    state: Values


class WorkerFile:
    """The file of this worker in the shared folder."""

    def __init__(self, folder: Path, number: int) -> None:
        """Use the file `number`, and continue the counts of the worker that had this number before."""
        self.worker = str(number)
        self._folder = folder
        self._before = next((one.counts for one in self._read_all() if one.worker == self.worker), {})
        self._has_warned = False

    def snapshot(self, counts: Values, state: Values) -> Snapshot:
        """Return the counts of this worker, plus those of the workers that it replaced, and its state."""
        return Snapshot(self.worker, add_up([self._before, counts]), state)

    def write(self, counts: Values, state: Values) -> Snapshot:
        """Write the snapshot for the other workers, and return it. Not thread-safe."""
        own = self.snapshot(counts, state)
        # The monotonic clock is shared by all processes of the system.
        parts = {"counts": list(own.counts.items()), "state": list(state.items())}
        content = orjson.dumps({"at": time.monotonic(), **parts})
        path = self._folder / f"{self.worker}.json"
        fresh = self._folder / f".{self.worker}"
        try:
            fresh.write_bytes(content)
            fresh.replace(path)
        except OSError as error:
            if not self._has_warned:
                logger.warning("cannot share the metrics of this worker with the other workers: %s", error)
            self._has_warned = True
        return own

    def others(self) -> list[Snapshot]:
        """Return the latest snapshots of the other workers."""
        return [one for one in self._read_all() if one.worker != self.worker]

    def _read_all(self) -> list[Snapshot]:
        read = (_read(path) for path in sorted(self._folder.glob("*.json")))
        return [snapshot for snapshot in read if snapshot is not None]


def add_up(several: Iterable[Values]) -> Values:
    """Return the sums for each metric family and label values."""
    total: dict[tuple[str, ...], list[float]] = {}
    for values in several:
        for key, row in values.items():
            total[key] = [a + b for a, b in zip(total[key], row, strict=True)] if key in total else [*row]
    return total


def _read(path: Path) -> Snapshot | None:
    """Read the snapshot of a worker; return None if the file is not a valid snapshot."""
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
        is_alive = time.monotonic() - content["at"] < ALIVE_SECONDS
        counts, state = ({tuple(key): row for key, row in content[part]} for part in ("counts", "state"))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Snapshot(path.stem, counts, state if is_alive else {})
