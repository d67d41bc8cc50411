"""Compare the service with that of another commit, side by side: rate, latency, CPU time, start and memory.

`python -m benchmarks.versions COMMIT` checks the commit out into a temporary worktree of Git and runs its
`python -m app` in this environment, over its own store, in alternating rounds with the service here.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.batch import ARROW, columns, pairs, stream
from benchmarks.harness import REPOSITORY, Served, app_command, load, report, served, spread
from benchmarks.serving import Target

MIB: Final = 1024 * 1024
HERE: Final = "here"
Rounds = dict[tuple[str, str], list[dict[str, float]]]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="the commit to compare with")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    with checkout(arguments.commit) as other:
        folders = {HERE: REPOSITORY, arguments.commit: other}
        rounds: Rounds = {}
        for _ in range(arguments.rounds):
            for name, folder in folders.items():
                with served(app_command(), folder=folder) as server:
                    rounds.setdefault(("start, s", name), []).append({"value": server.seconds})
        for workers in (1, 2):
            _requests(folders, workers, arguments.rounds, arguments.seconds, rounds)
        _batches(folders, arguments.rounds, arguments.seconds, rounds)
    report("versions", f"The service here and at {arguments.commit}", _rows(rounds, arguments.commit))


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


def _requests(folders: dict[str, Path], workers: int, count: int, seconds: int, rounds: Rounds) -> None:
    here, there = folders
    with (
        served(app_command(), folder=folders[here], workers=workers) as ours,
        served(app_command(), folder=folders[there], workers=workers) as theirs,
    ):
        targets = {here: Target(ours), there: Target(theirs)}
        for number in range(count + 1):
            for name, target in targets.items():
                found = target.one_round(seconds if number else 1)
                for figure in ("rate", "cpu_us", "p99") if number else ():
                    key = f"/predict {figure}, {workers} workers"
                    rounds.setdefault((key, name), []).append({"value": found[figure]})
        for name, target in targets.items():
            memory = target.server.memory()["Pss"] / MIB / workers
            rounds[f"PSS MiB per worker, {workers} workers", name] = [{"value": memory}]


def _batches(folders: dict[str, Path], count: int, seconds: int, rounds: Rounds) -> None:
    here, there = folders
    users, movies = pairs("compact")
    bodies = {
        "JSON": ("/predict/batch", columns(users, movies, model="compact"), "application/json"),
        "Arrow": ("/predict/batch?model=compact", stream(users, movies), ARROW),
    }
    with (
        served(app_command(), folder=folders[here]) as ours,
        served(app_command(), folder=folders[there]) as theirs,
    ):
        for _ in range(count):
            for form, (path, body, kind) in bodies.items():
                for name, server in ((here, ours), (there, theirs)):
                    milliseconds = _milliseconds_a_call(server, seconds, path, body, kind)
                    key = f"{form} batch CPU ms"
                    rounds.setdefault((key, name), []).append({"value": milliseconds})


def _milliseconds_a_call(server: Served, seconds: int, path: str, body: bytes, kind: str) -> float:
    before = server.cpu_seconds()
    found = load(server.port, seconds, path, [body], kind)
    return 1e3 * (server.cpu_seconds() - before) / (found["rate"] * seconds)


def _rows(rounds: Rounds, commit: str) -> list[dict[str, Any]]:
    rows = []
    for figure in dict.fromkeys(figure for figure, _ in rounds):
        here, there = ([one["value"] for one in rounds[figure, name]] for name in (HERE, commit))
        ratios = [one / other for one, other in zip(here, there, strict=True)]
        rows.append({"figure": figure, HERE: spread(here), commit: spread(there), "ratio": spread(ratios)})
    return rows


if __name__ == "__main__":
    main()
