"""Measure how time and memory of training grow with the number of ratings, by phase.

    python -m benchmarks.scale --ratings 1 10 32 --model compact --format csv --folder scale

The ratings are made here, in MovieLens' layout: each is half the rounded sum of a match of known factors and
biases and of noise, so that the least error that any model can reach is known. Users and movies are rated as
unevenly as in MovieLens. Each size is trained and published in a process of its own, which reports the wall
and processor seconds of each phase, its peak memory, pages of mapped files included, and the size of the
temporary files that are mapped when it ends. A member of a teacher and a student are phases; the mean of
their steps (rounds) has a line of its own. A phase of less than a second is left out.

    python -m benchmarks.scale --ratings 100 --format parquet --model compact --rounds 2

limits the rounds of the variational factorisation; a whole fit takes as many more of its steps as it has more
rounds (`python -m benchmarks.factors` shows the error by rounds).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from benchmarks.harness import REPOSITORY, report
from training.data.split import Split
from training.data.table import RatingsTable
from training.distillation.base.settings import TeacherSettings, VariationalSettings
from training.publish.options import DataOptions, DistillationOptions, PublishOptions
from training.publish.progress import Progress

MODELS: Final = ("compact", "accurate", "vb")
_CHUNK: Final = 1_000_000
_RATINGS_PER_USER: Final = 160
_FACTORS: Final = 8
_LEAST_SECONDS: Final = 1.0
# Noise in half stars: each as likely as the others, so that its variance is 2 half stars squared.
_NOISE: Final = 2
_STATUS: Final = Path("/proc/self/status")
_MAPS: Final = Path("/proc/self/maps")
_CLEAR: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Made:
    """A file of ratings that was made.

    Attributes:
        ratings: Number of ratings.
        users: Number of users.
        movies: Number of movies that could be drawn; some may have no rating.
        noise: Mean squared error of the known expected ratings, which no model can improve on.
    """

    ratings: int
    users: int
    movies: int
    noise: float


def main() -> None:
    """Make the files, train on each, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ratings", type=float, nargs="+", default=[1, 10], help="sizes in millions")
    parser.add_argument("--model", choices=MODELS, default=MODELS[0])
    parser.add_argument("--format", choices=["csv", "parquet"], default="csv")
    parser.add_argument("--folder", type=Path, help="keep the files there, and use those that exist")
    parser.add_argument("--rounds", type=int, help="most rounds of the variational factorisation")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    rounds = {"rounds": arguments.rounds} if arguments.rounds else {}
    if arguments.train:
        _train(arguments.train, arguments.model, VariationalSettings(**rounds))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = {}
        for millions in arguments.ratings:
            path = folder / f"{millions:g}m.{arguments.format}"
            made = _made(path, round(millions * 1e6))
            print(f"{path.name}: {made}", flush=True)
            found[f"{millions:g} M"] = _measured(path, arguments.model, arguments.rounds)
    names = dict.fromkeys(name for phases in found.values() for name in phases)
    rows = [{"phase": name, **_cells(name, found)} for name in names]
    report(
        "scale", f"{arguments.model} by number of ratings: wall s / processor s / peak MB / MB of files", rows
    )


def write_ratings(path: Path, ratings: int, *, seed: int = 0, chunk: int = _CHUNK) -> Made:
    """Write ratings of known factors in chunks, sorted by user, as CSV or, by the file's suffix, as Parquet.

    Memory is bounded by the factors and one chunk. No user rates a movie twice.

    Args:
        path: The file, which is replaced.
        ratings: Their number. Users and movies are as many as in MovieLens of this size: 200,000 and 84,000
            with 32 million.
        seed: Seed of every random draw.
        chunk: Number of ratings in memory.
    """
    random = np.random.default_rng(seed)
    users = max(ratings // _RATINGS_PER_USER, 1)
    movies = max(round(84_000 * (ratings / 32e6) ** 0.5), 4)
    counts = _shares(random.lognormal(0, 1.1, users), ratings, movies // 10)
    popularity = np.cumsum((np.arange(movies) + 20.0) ** -1.1)
    popularity /= popularity[-1]
    movie_ids = random.permutation(movies).astype(np.int64) + 1
    tastes = [random.standard_normal((size, _FACTORS), np.float32) for size in (users, movies)]
    biases = [random.normal(0, 0.6, size).astype(np.float32) for size in (users, movies)]
    ends = np.cumsum(counts)
    squares, first, done = 0.0, 0, 0
    with _writer(path) as write:
        while first < users:
            last = max(int(np.searchsorted(ends, done + chunk, side="right")), first + 1)
            user, movie = _pairs(counts[first:last], popularity, random)
            user += first
            match = np.einsum("nk,nk->n", tastes[0][user], tastes[1][movie]) * np.float32(0.35)
            match += biases[0][user] + biases[1][movie] + np.float32(0.4)
            # Between 1.5 and 4 stars, so that noise stays on the scale; rounding up or down at random keeps
            # the expectation.
            expected = 3 + 5 / (1 + np.exp(-match))
            halves = np.floor(expected + random.random(user.size)) + random.integers(
                -_NOISE, _NOISE + 1, user.size
            )
            squares += float(np.sum((halves - expected) ** 2)) / 4
            times = random.integers(800_000_000, 1_600_000_000, user.size)
            write(user + 1, movie_ids[movie], halves / 2, times)
            first, done = last, int(ends[last - 1])
    return Made(done, users, movies, squares / done)


def _shares(weights: NDArray[np.float64], total: int, most: int) -> NDArray[np.int64]:
    """Return numbers proportional to the weights, each between 1 and `most`, of about the total."""
    low, high = 0.0, total / float(weights.min())
    for _ in range(60):
        middle = (low + high) / 2
        counts = np.clip(np.rint(middle * weights), 1, max(most, 1))
        low, high = (middle, high) if counts.sum() < total else (low, middle)
    return counts.astype(np.int64)


def _pairs(
    counts: NDArray[np.int64], popularity: NDArray[np.float64], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw distinct movies for each user, popular ones more often.

    Args:
        counts: `(users,)` number of movies of each.
        popularity: `(movies,)` cumulative distribution.
        random: The generator.

    Returns:
        `(ratings,)` user, ascending, and movie of each.
    """
    movies = popularity.size
    keys = np.empty(0, np.int64)
    missing = counts
    while missing.any():
        user = np.repeat(np.arange(counts.size), missing)
        # The last value may be less than 1 by rounding.
        movie = np.minimum(np.searchsorted(popularity, random.random(user.size)), movies - 1)
        drawn = np.sort(user * movies + movie)
        # A stable sort merges two sorted arrays in linear time.
        merged = np.sort(np.concatenate([keys, drawn]), kind="stable")
        keys = merged[np.append(True, np.diff(merged) > 0)]
        missing = counts - np.bincount(keys // movies, minlength=counts.size)
    return keys // movies, keys % movies


@contextmanager
def _writer(path: Path) -> Iterator[Any]:
    names = ["userId", "movieId", "rating", "timestamp"]
    schema = pa.schema([(name, pa.float64() if name == "rating" else pa.int64()) for name in names])
    with path.open("wb") as file:
        if path.suffix == ".parquet":
            writer = pa.parquet.ParquetWriter(file, schema)
        else:
            file.write(f"{','.join(names)}\n".encode())
            options = pa.csv.WriteOptions(include_header=False)
            writer = pa.csv.CSVWriter(file, schema, write_options=options)
        with writer:
            yield lambda *columns: writer.write_table(pa.table(list(columns), schema=schema))


def _made(path: Path, ratings: int) -> Made:
    """Make a file and the record next to it, or read the record."""
    record = path.with_suffix(".made.json")
    if not (path.exists() and record.exists()):
        record.write_text(json.dumps(vars(write_ratings(path, ratings))), encoding="utf-8")
    return Made(**json.loads(record.read_text(encoding="utf-8")))


def _measured(path: Path, model: str, rounds: int | None) -> dict[str, dict[str, float]]:
    """Train in a child process; return the figures of each phase."""
    command = [sys.executable, "-m", "benchmarks.scale", "--train", str(path), "--model", model]
    command += ["--rounds", str(rounds)] if rounds else []
    phases: dict[str, dict[str, float]] = {}
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end="", flush=True)
            if line.startswith("{"):
                phase = json.loads(line)
                phases[phase.pop("phase")] = phase
    if child.returncode:
        raise SystemExit(f"training on {path} failed")
    return phases


def _cells(name: str, found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, str]:
    """Return the figures of a phase by size, and the growth of its processor time between two sizes."""
    cells: dict[str, str] = {}
    before = None
    for size, phases in found.items():
        own = phases.get(name)
        cells[size] = " / ".join(f"{value:,g}" for value in own.values()) if own else ""
        if before is not None:
            both = own and before and own.get("CPU s") and before.get("CPU s")
            cells[f"growth to {size}"] = f"{own['CPU s'] / before['CPU s']:.1f}" if both and own else ""
        before = own
    return cells


class Phases(Progress):
    """Prints the figures of each phase as a line of JSON."""

    def __init__(self) -> None:
        """Start the first phase."""
        self._phase, self._steps = "read", 0
        self._totals = 0.0, 0.0, 0.0, 0.0
        self._restart()

    def on_table(self, table: RatingsTable) -> None:  # noqa: ARG002 - the interface
        """End reading."""
        self._next("prepare")

    def on_split(self, split: Split) -> None:  # noqa: ARG002 - the interface
        """End preparing."""
        self._next("import")

    def on_plan(self, shares: Mapping[str, float]) -> None:  # noqa: ARG002 - the interface
        """Begin fitting."""
        self._next("group and compile")

    def on_step(self, task: str, done: int, total: int, losses: Mapping[str, float] | None = None) -> None:  # noqa: ARG002 - the interface
        """End a step, whose task is a phase; another task begins with its first step."""
        if done and task != self._phase:
            self._next(task)
        self._steps += 1

    def on_trained(self, trained: object) -> None:  # noqa: ARG002 - the interface
        """Begin publishing."""
        self._next("publish")

    def end(self) -> None:
        """End the last phase, and print the whole."""
        self._next("")
        _print("all", *self._totals)

    def _next(self, phase: str) -> None:
        wall, busy = time.perf_counter() - self._now[0], time.process_time() - self._now[1]
        peak, files = _peak_mb(), _files_mb()
        before = self._totals
        self._totals = before[0] + wall, before[1] + busy, max(before[2], peak), max(before[3], files)
        if wall >= _LEAST_SECONDS:
            _print(self._phase, wall, busy, peak, files)
            if self._steps > 1:
                _print(f"{self._phase}, a step", wall / self._steps, busy / self._steps, peak, files)
        self._phase, self._steps = phase, 0
        self._restart()

    def _restart(self) -> None:
        self._now = time.perf_counter(), time.process_time()
        if _CLEAR.exists():
            _CLEAR.write_text("5", encoding="ascii")


def _print(phase: str, wall: float, busy: float, peak: float, files: float) -> None:
    figures = {
        "phase": phase,
        "s": round(wall, 2),
        "CPU s": round(busy, 2),
        "MB": round(peak),
        "files MB": round(files),
    }
    print(json.dumps(figures), flush=True)


def _peak_mb() -> float:
    """Return the peak of the resident memory since the last reset."""
    line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if "VmHWM" in line)
    return int(line.split()[1]) * 1024 / 1e6


@dataclass(frozen=True)
class _Options(DistillationOptions):
    """Options with a teacher of their own.

    Attributes:
        variational: Settings of the factorisation.
    """

    variational: VariationalSettings = field(default_factory=VariationalSettings)

    @property
    def teacher(self) -> TeacherSettings:
        """Settings of the teacher's members."""
        return TeacherSettings(variational=self.variational)


def _files_mb() -> float:
    """Return the size of the temporary files that are mapped (see `training.data.large_arrays`)."""
    spans = [
        [int(end, 16) for end in line.split()[0].split("-")]
        for line in _MAPS.read_text(encoding="utf-8").splitlines()
        if line.endswith("(deleted)") and tempfile.gettempdir() in line
    ]
    return sum(last - first for first, last in spans) / 1e6


def _train(path: Path, model: str, variational: VariationalSettings) -> None:
    """Train and publish as `fit MODEL` does."""
    from training.distillation.named import DISTILLED
    from training.factors.settings import VB
    from training.fit.recipes import DEFAULT
    from training.publish.workflow import train_models

    phases = Phases()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        [manifest], _ = train_models(
            [DISTILLED.get(model) or VB.model_copy(update={"factors": variational})],
            DEFAULT,
            _Options(place / "work", variational=variational),
            DataOptions(path),
            PublishOptions(place / "store", ratings=False),
            phases,
        )
    phases.end()
    found = manifest.accuracy
    errors = f"test MSE {found.mse:.4f}, biases alone {found.biases_only_mse:.4f}"
    print(f"{errors}, weights {manifest.weights_bytes:,} bytes", flush=True)


if __name__ == "__main__":
    main()
