"""Publish a model repeatedly, and kill each attempt one line later than the one before. A separate program.

    python -m tests.reliability.killed_publishing STORE OTHER

STORE holds the model that is replaced by the one in the folder OTHER. Each attempt is a child process, which
is killed (signal 9) at a line of the writer's code, until one completes. After each, the store must hold one
of the two models completely, and the next writer must succeed. Prints the numbers of attempts that left the
old model and the new one.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from training.artefact import files, reader, writer
from training.artefact.reader import movie_titles

TRACED = {files.__file__, writer.__file__}


def publish(store: Path, source: Path) -> None:
    """Write the model in the folder `source` to the store, as the trainer does."""
    artefact = reader.open_artefact(source)

    def save(path: Path) -> None:
        shutil.copyfile(source / "model.keras", path)

    titles = movie_titles(source, artefact.manifest)
    writer.publish(store, dict(artefact.manifest), save, titles, artefact.given)


def digest(folder: Path) -> str:
    """Return the digest of the model's file, after checking every byte."""
    return reader.open_artefact(folder).manifest.model_file.sha256


class Killer:
    """A trace function that kills the process when this number of lines of the writer has run."""

    def __init__(self, line: int) -> None:
        self._left = line

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Count a line; the interface of `sys.settrace`."""
        if frame.f_code.co_filename not in TRACED:
            return None
        if event == "line":
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def killed_at(line: int, store: Path, source: Path) -> bool:
    """Publish in a child process; return whether it was killed at the line."""
    child = os.fork()
    if child == 0:
        sys.settrace(Killer(line))
        publish(store, source)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status == signal.SIGKILL


def main(store: Path, other: Path) -> None:
    """Kill at every line, and check that the store holds one of the two models."""
    (name,) = [path.name for path in store.iterdir() if not path.name.startswith(".")]
    first = store.with_name("first")
    shutil.copytree(store / name, first)
    known = {digest(first): "before", digest(other): "after"}
    line, seen = 0, {"before": 0, "after": 0}
    while killed_at(line, store, other):
        seen[known[digest(store / name)]] += 1
        # The next run succeeds, and removes the remains.
        publish(store, first)
        left = sorted(path.name for path in store.iterdir())
        assert left == [".lock", name], left
        line += 1
    assert known[digest(store / name)] == "after"
    sys.stdout.write(f"{seen['before']} {seen['after']}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
