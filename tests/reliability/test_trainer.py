"""Killed or failing runs of the trainer: the store is as before or as after, and the next run succeeds."""

from __future__ import annotations

import functools
import itertools
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.builders import QUICK, TINY_BASELINE, build_store, tiny_dataset
from tests.conftest import REPOSITORY
from tests.figures import report
from tests.hostile.starting import UNPRIVILEGED
from tests.reliability.clients import wait_until
from training.artefact import ArtefactError, list_artefacts, open_artefact, open_stored
from training.fit.evaluation import evaluate
from training.fit.fitting import fit as fit_model
from training.publish.options import PublishOptions
from training.publish.publishing import publish_model

FIT = ("--epochs", "1", "--embedding-dim", "4")
MODELS = ["baseline", "memory_efficient"]
# Longer than any of these runs takes on a busy machine.
TIMEOUT = 90


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small file of ratings."""
    file = tmp_path_factory.mktemp("data") / "mine.csv"
    draw = random.Random(3)
    pairs = [(user, movie) for user in range(40) for movie in range(50) if draw.random() < 0.4]
    rows = "".join(f"{user},{movie},{draw.randint(1, 10) / 2}\n" for user, movie in pairs)
    file.write_text(f"user,movie,rating\n{rows}")
    return file


@dataclass(frozen=True)
class Trainer:
    """A running `python -m training`, without the privileges of root that override file modes."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, *arguments: object, cwd: Path = REPOSITORY, file_bytes: int | None = None) -> Trainer:
        """Start a command.

        Args:
            *arguments: Arguments of the command line.
            cwd: Working directory.
            file_bytes: Maximum size of a file that it may write.
        """
        limits = (resource.RLIMIT_FSIZE, (file_bytes, file_bytes)) if file_bytes is not None else None
        return cls(
            subprocess.Popen(
                [*UNPRIVILEGED, sys.executable, "-m", "training", *map(str, arguments)],
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=None if limits is None else lambda: resource.setrlimit(*limits),
            )
        )

    def kill(self) -> None:
        """Kill it, as the system does when memory is exhausted."""
        self.process.kill()
        self.process.communicate()

    def ends(self) -> tuple[str, str]:
        """Wait for its end, and return output and errors."""
        try:
            return self.process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def succeeds(self) -> str:
        """Wait for its successful end, and return its output."""
        said, errors = self.ends()
        assert self.process.returncode == 0, errors
        return said

    def fails(self) -> str:
        """Wait for its failure, and return the one-line error."""
        _, errors = self.ends()
        assert self.process.returncode == 1, (self.process.returncode, errors)
        assert errors.startswith("error: ") and errors.count("\n") == 1 and errors.endswith("\n"), errors
        return errors.strip()


def fit(ratings: Path, store: Path, *more: object, file_bytes: int | None = None) -> Trainer:
    models = () if "baseline" in more else MODELS
    options = ("--data", ratings, "--store", store, *FIT)
    return Trainer.start("fit", *models, *more, *options, file_bytes=file_bytes)


def versions(store: Path) -> dict[str, str]:
    """Return the digest of each model, after checking every byte."""
    return {folder.name: open_stored(folder).manifest.model_file.sha256 for folder in list_artefacts(store)}


def is_publishing(store: Path) -> bool:
    return any(store.glob(".unfinished-*"))


def assert_replaced(store: Path, before: dict[str, str], *models: str) -> None:
    """Assert that exactly these models are new, and that no other files remain."""
    after = versions(store)
    assert [name for name in after if after[name] != before[name]] == list(models)
    assert not is_publishing(store)


@pytest.fixture
def quick_disk() -> Iterator[Path]:
    """Return a folder in memory if available, because hundreds of flushes to disk take half a minute."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.long
def test_killed_at_any_line_of_publishing_the_store_is_as_before_or_as_after(quick_disk: Path) -> None:
    store = build_store(quick_disk / "store", TINY_BASELINE, with_ratings=True)
    less = QUICK.model_copy(update={"epochs": 1})
    other = build_store(quick_disk / "other", TINY_BASELINE, recipe=less, with_ratings=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.killed_publishing", store, other / "baseline"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert before > 50 and after > 0
    report("trainer killed while it publishes", kills=before + after, as_before=before, as_after=after)


@pytest.mark.long
def test_killed_while_it_fits_and_while_it_publishes_the_next_run_succeeds(
    ratings: Path, store: Path
) -> None:
    before = versions(store)
    fitting = fit(ratings, store, "baseline")
    assert fitting.process.stdout is not None
    assert any(line.startswith("split") for line in fitting.process.stdout)
    fitting.kill()
    assert versions(store) == before

    for _ in range(5):
        publishing = fit(ratings, store, "baseline")
        wait_until(functools.partial(_publishes_or_has_ended, publishing, store), TIMEOUT)
        publishing.kill()
        if is_publishing(store):
            break
        # The run ended before the kill.
        before = versions(store)
    assert is_publishing(store)
    assert versions(store) == before

    fit(ratings, store, "baseline").succeeds()
    assert_replaced(store, before, "baseline")


def _publishes_or_has_ended(trainer: Trainer, store: Path) -> bool:
    return any(store.glob(".unfinished-*/baseline/model.keras")) or trainer.process.poll() is not None


@pytest.mark.long
def test_killed_at_thirty_moments_the_next_run_succeeds(ratings: Path, store: Path) -> None:
    before, draw = versions(store), random.Random(5)
    started = time.monotonic()
    fit(ratings, store).succeeds()
    whole = time.monotonic() - started
    known = {name: {before[name], digest} for name, digest in versions(store).items()}
    for _ in range(30):
        trainer = fit(ratings, store)
        time.sleep(draw.uniform(0, 1.1 * whole))
        trainer.kill()
        found = versions(store)
        assert list(found) == MODELS
        for name, digest in found.items():
            known[name].add(digest)
    now = versions(store)
    fit(ratings, store).succeeds()
    assert_replaced(store, now, *MODELS)
    report("trainer killed at any moment", kills=30, broken_stores=0)


def distil(ratings: Path, folder: Path) -> Trainer:
    places = ("--store", folder / "store", "--work", folder / "work")
    return Trainer.start("fit", "tiny", "--data", ratings, *places)


def finished(folder: Path) -> dict[str, int]:
    """Return the complete steps with their times."""
    notes = (folder / "work").glob("[!.]*/notes.json")
    return {note.parent.name: note.stat().st_mtime_ns for note in notes}


@pytest.mark.long
def test_killed_distillation_resumes(ratings: Path, tmp_path: Path) -> None:
    trainer = distil(ratings, tmp_path)
    wait_until(lambda: bool(finished(tmp_path)), TIMEOUT)
    trainer.kill()
    steps = finished(tmp_path)
    assert not list((tmp_path / "store").glob("*/manifest.json"))
    distil(ratings, tmp_path).succeeds()
    # Finished steps are not repeated.
    assert steps.items() < finished(tmp_path).items()
    assert list(versions(tmp_path / "store")) == ["tiny"]


@pytest.mark.long
def test_a_distillation_killed_after_each_step_makes_the_same_model(ratings: Path, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    distil(ratings, whole).succeeds()
    kills = 0
    while len(steps := finished(killed)) < len(finished(whole)):
        trainer = distil(ratings, killed)
        wait_until(functools.partial(_has_more_than, killed, len(steps)), TIMEOUT)
        trainer.kill()
        kills += 1
        assert steps.items() < finished(killed).items()
    distil(ratings, killed).succeeds()
    first, second = (open_artefact(run / "store" / "tiny").archive.variables for run in (killed, whole))
    for layer, variables in first.items():
        for name, array in variables.items():
            np.testing.assert_array_equal(array, second[layer][name])
    report("distillation killed after each step", kills=kills, steps=len(steps))


def _has_more_than(folder: Path, steps: int) -> bool:
    return len(finished(folder)) > steps


@pytest.mark.long
def test_killed_frontier_resumes(ratings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def frontier() -> Trainer:
        return Trainer.start("frontier", "--quick", "--data", ratings, "--out", out, "--store", tmp_path)

    def rows() -> int:
        return (out / "frontier.csv").read_text().count("\n") - 1 if (out / "frontier.csv").exists() else 0

    for wanted in (1, 3, 5):
        trainer = frontier()
        wait_until(lambda: rows() >= wanted, TIMEOUT)  # noqa: B023 - called at once
        trainer.kill()
    kept = (out / "frontier.csv").read_text()
    said = frontier().succeeds()
    assert (out / "frontier.csv").read_text().startswith(kept)
    assert said.count("found in the table") >= kept.count("\n") - 1

    (out / "frontier.md").unlink()
    (out / "frontier.md").mkdir()
    line = f"error: {out}: summary and pictures cannot be written (Is a directory)"
    assert frontier().fails() == line
    report("frontier killed", kills=3, rows_kept=kept.count("\n") - 1)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 4 MB if root can mount one, else a folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    can_mount = shutil.which("mount") is not None
    mounted = can_mount and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def room(disk: Path, free: int) -> Iterator[None]:
    """Leave this many bytes free on the disk; for a folder, limit the size of files instead."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    filling = disk / ".filling"
    if disk.is_mount():
        found = os.statvfs(disk)
        with filling.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - free)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        filling.unlink(missing_ok=True)


def test_publishing_is_atomic_at_every_size_of_free_disk_space(shared_store: Path, disk: Path) -> None:
    dataset = tiny_dataset()
    trained = fit_model(TINY_BASELINE, QUICK.model_copy(update={"epochs": 1}), dataset)
    accuracy = evaluate(trained.predict, trained.fallback, dataset)
    store = disk / "store"
    shutil.copytree(shared_store, store)
    before = versions(store)
    for pages in itertools.count():
        try:
            with room(disk, pages * 4096):
                publish_model(trained, dataset, accuracy, PublishOptions(store))
            break
        except ArtefactError as refusal:
            line = str(refusal)
        assert line.startswith(f"{store}/baseline: was not written, the store is as before (")
        assert versions(store) == before
        assert not is_publishing(store)
    assert_replaced(store, before, "baseline")
    assert pages > 5
    report("disk full while a model is published", sizes=pages, broken_stores=0)


@pytest.mark.long
@pytest.mark.parametrize("pages", [0, 1, 4, 16])
@pytest.mark.parametrize("command", ["split", "fit baseline", "fit tiny", "frontier"])
def test_full_disk_ends_every_command_with_a_one_line_error(
    command: str, pages: int, ratings: Path, disk: Path, tmp_path: Path
) -> None:
    if not disk.is_mount():
        pytest.skip("a disk that is full needs the right to mount one")
    arguments: dict[str, tuple[object, ...]] = {
        "split": ("--out", disk / "split"),
        "fit baseline": (*FIT, "--store", tmp_path / "store", "--report", disk / "report"),
        "fit tiny": ("--store", disk / "store", "--work", disk / "work"),
        "frontier": ("--quick", "--out", disk / "out", "--store", tmp_path),
    }
    trainer = functools.partial(Trainer.start, *command.split(), "--data", ratings, *arguments[command])
    with room(disk, pages * 4096):
        short = trainer()
        _, errors = short.ends()
    if short.process.returncode:
        assert errors.startswith("error: ") and errors.count("\n") == 1, errors
        assert str(disk) in errors
    assert not list(disk.rglob("*unfinished*"))
    trainer().succeeds()


@pytest.mark.long
def test_file_size_limit_ends_the_run_with_a_one_line_error(ratings: Path, store: Path) -> None:
    before = versions(store)
    said = fit(ratings, store, "baseline", file_bytes=8000).fails()
    assert str(store / "baseline") in said and "File too large" in said
    assert versions(store) == before
    assert not is_publishing(store)


@pytest.mark.long
def test_a_store_without_permission_ends_the_run_before_it_fits(ratings: Path, store: Path) -> None:
    before = versions(store)
    store.chmod(0o555)
    try:
        said = fit(ratings, store, "--epochs", 10_000).fails()
    finally:
        store.chmod(0o755)
    assert said == f"error: {store}: cannot be written (Permission denied)"
    assert versions(store) == before


@pytest.mark.long
def test_unreadable_ratings_end_the_run_with_a_one_line_error(
    ratings: Path, store: Path, tmp_path: Path
) -> None:
    before, mine = versions(store), tmp_path / "mine.csv"
    shutil.copy(ratings, mine)
    mine.chmod(0)
    assert fit(mine, store).fails() == f"error: {mine}: cannot be read: Permission denied"
    (tmp_path / "folder").mkdir(0)
    line = f"error: {tmp_path / 'folder'}: cannot be looked into: Permission denied"
    assert fit(tmp_path / "folder", store).fails() == line
    (store / "baseline" / "manifest.json").chmod(0)
    line = f"error: {store}/baseline/manifest.json: cannot be read (Permission denied)"
    assert Trainer.start("inspect", store / "baseline").fails() == line
    # The remains of a test are removed without privileges.
    (tmp_path / "folder").chmod(0o755)
    (store / "baseline" / "manifest.json").chmod(0o644)
    assert versions(store) == before
