"""One small file a worker with what it counted, in a folder of all workers. None is ever deleted there."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from app.observability.metrics.counters import Condition, Counts

# Whoever has not written for so long has ended, or might as well have.
ALIVE_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a worker has counted, and how it is; None for one that has ended."""

    worker: str
    counts: Counts
    condition: Condition | None


class Slot:
    """This worker's file among those of the others."""

    def __init__(self, folder: Path, number: int) -> None:
        """Take the place `number` in `folder`, which no other living worker has, and go on counting there.

        Args:
            folder: Of all workers of the service.
            number: From 0; a worker that takes the place of another one has the number of that one.
        """
        self.worker = str(number)
        self._folder = folder
        self._before = next((one.counts for one in self._read_all() if one.worker == self.worker), {})
        self._told = False

    def write(self, counts: Counts, condition: Condition) -> Snapshot:
        """Show this worker's counts, with those of whoever had its place before, to the others."""
        own = Snapshot(self.worker, add_up([self._before, counts]), condition)
        content = orjson.dumps({"counts": list(own.counts.items()), "condition": condition})
        path = self._folder / f"{self.worker}.json"
        fresh = self._folder / f".{self.worker}"
        try:
            fresh.write_bytes(content)
            fresh.replace(path)
        except OSError as error:
            if not self._told:
                logger.warning("metrics of this worker cannot be told to the others: %s", error)
            self._told = True
        return own

    def others(self) -> list[Snapshot]:
        """What the other workers have shown last."""
        return [one for one in self._read_all() if one.worker != self.worker]

    def _read_all(self) -> list[Snapshot]:
        read = (_read(path) for path in sorted(self._folder.glob("*.json")))
        return [snapshot for snapshot in read if snapshot is not None]


def add_up(several: Iterable[Counts]) -> Counts:
    """The sums of counts, family by family."""
    total: dict[tuple[str, ...], list[float]] = {}
    for counts in several:
        for key, row in counts.items():
            total[key] = [a + b for a, b in zip(total[key], row, strict=True)] if key in total else [*row]
    return total


def _read(path: Path) -> Snapshot | None:
    """What a worker has shown; None where something else lies there."""
    try:
        content: dict[str, Any] = orjson.loads(path.read_bytes())
        models = [(name, digest, default) for name, digest, default in content["condition"].pop("models")]
        condition = Condition(**content["condition"], models=models)
        alive = time.time() - condition.at < ALIVE_SECONDS
        counts = {tuple(key): row for key, row in content["counts"]}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Snapshot(path.stem, counts, condition if alive else None)
