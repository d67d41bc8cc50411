"""Compare the service with that of another commit, side by side: rate, latency, CPU time, start and memory.

`python -m benchmarks.versions COMMIT` checks the commit out into a temporary worktree of Git and runs its
`python -m app` in this environment, over its own store, in rounds beside the service here.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.batch import ARROW, columns, pairs, stream
from benchmarks.harness import REPOSITORY, Served, app_command, load, report, served, spread
from benchmarks.serving import Target

MIB: Final = 1024 * 1024
HERE: Final = "here"
# By figure and version.
Figures = dict[tuple[str, str], list[float]]
# Path, body and content type.
Batch = tuple[str, bytes, str]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="the commit to compare with")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=2)
    arguments = parser.parse_args()
    users, movies = pairs("compact")
    batches = {
        "JSON": ("/predict/batch", columns(users, movies, model="compact"), "application/json"),
        "Arrow": ("/predict/batch?model=compact", stream(users, movies), ARROW),
    }
    found: Figures = {}
    with checkout(arguments.commit) as other:
        folders = {HERE: REPOSITORY, arguments.commit: other}
        for _ in range(arguments.rounds):
            for workers in (1, 2):
                for figure, name, value in _one_round(folders, workers, arguments.seconds, batches):
                    found.setdefault((figure, name), []).append(value)
    report("versions", f"The service here and at {arguments.commit}", _rows(found, arguments.commit))


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Check a commit out into a temporary worktree that is removed at the end of the block."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "checkout"
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def _one_round(
    folders: Mapping[str, Path], workers: int, seconds: int, batches: Mapping[str, Batch]
) -> Iterator[tuple[str, str, float]]:
    """Start both versions, measure them in turns, and yield figure, version and value.

    Each round has new processes: one and the same process can be a quarter slower than the next for its
    whole life, depending on where its memory lies.
    """
    with ExitStack() as running:
        servers = {
            name: running.enter_context(served(app_command(), folder=folder, workers=workers))
            for name, folder in folders.items()
        }
        for name, server in servers.items():
            yield f"start, s, workers: {workers}", name, server.seconds
            Target(server).one_round(1)
        for name, server in servers.items():
            request = Target(server).one_round(seconds)
            for figure in ("rate", "cpu_us", "p99"):
                yield f"/predict {figure}, workers: {workers}", name, request[figure]
        for name, server in servers.items():
            yield f"PSS MiB per worker, workers: {workers}", name, server.memory()["Pss"] / MIB / workers
        for form, batch in batches.items() if workers == 1 else ():
            for name, server in servers.items():
                yield f"{form} batch CPU ms", name, _milliseconds_a_call(server, seconds, *batch)


def _milliseconds_a_call(server: Served, seconds: int, path: str, body: bytes, kind: str) -> float:
    before = server.cpu_seconds()
    found = load(server.port, seconds, path, [body], kind)
    return 1e3 * (server.cpu_seconds() - before) / (found["rate"] * seconds)


def _rows(found: Figures, commit: str) -> list[dict[str, Any]]:
    rows = []
    for figure in dict.fromkeys(figure for figure, _ in found):
        here, there = found[figure, HERE], found[figure, commit]
        ratios = [one / other for one, other in zip(here, there, strict=True)]
        rows.append({"figure": figure, HERE: spread(here), commit: spread(there), "ratio": spread(ratios)})
    return rows


if __name__ == "__main__":
    main()
