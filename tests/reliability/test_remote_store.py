"""A store in object storage: pushed to a real S3 server, and served from it by real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import numpy as np
import obstore
import pytest

from tests.app.processes import Running, command, free_port, running
from tests.builders import MOVIES, QUICK, TINY_BASELINE, build_store, tiny_table
from tests.conftest import REPOSITORY
from tests.reliability.clients import asking, wait_until
from tests.reliability.versions import BATCH, Versions
from tests.remote_store import BUCKET, KEY, SECRET, S3Server, s3_server
from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.manifest import FileRecord
from training.artefact.remote.address import StoreAddress
from training.artefact.remote.objects import CHUNK_BYTES, Objects
from training.errors import ArtefactDamaged

pytestmark = pytest.mark.long

ADMIN_KEY = "an-admin-key-of-some-length"
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of the programs, which tests kill."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def address(s3: S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of its own for each test, which the environment has the credentials of."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{abs(hash(request.node.name)):x}"


def push_command(store: Path, address: str, *interruption: object) -> subprocess.Popen[str]:
    program = ["training", "push", address, "--store", str(store)]
    if interruption:
        arguments = [str(argument) for argument in interruption]
        program = ["tests.reliability.interrupted_push", str(store), address, *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", *program],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def push(store: Path, address: str, *interruption: object) -> tuple[int, str]:
    """Push a store; return the exit code, and all that was printed."""
    process = push_command(store, address, *interruption)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output + errors


def pushed(store: Path, address: str) -> str:
    """Push a store, and return its version."""
    code, output = push(store, address)
    assert code == 0, output
    return output.split(f"{address}/versions/")[1][:64]


def prefix(address: str) -> str:
    return address.removeprefix(f"s3://{BUCKET}/")


def current(s3: S3Server, address: str) -> str:
    pointer = obstore.get(s3.store(), f"{prefix(address)}/current.json").bytes()
    version: str = json.loads(bytes(pointer))["version"]
    return version


def overwrite(s3: S3Server, address: str, name: str, content: bytes) -> None:
    obstore.put(s3.store(), f"{prefix(address)}/{name}", content)


def batch(server: Running) -> list[float]:
    ratings: list[float] = httpx2.post(f"{server.url}/predict/batch", json=BATCH).json()["ratings"]
    return ratings


def reload(server: Running) -> httpx2.Response:
    return httpx2.post(f"{server.url}/admin/reload", headers=ADMIN, timeout=60)


def refused_start(store: str) -> str:
    """Start the service, which must end with exit code 1 and one line; return the line."""
    process = command(store, port=free_port())
    output, line = process.communicate(timeout=60)
    assert process.returncode == 1, output
    assert line.startswith("cannot start: ") and line.count("\n") == 1
    assert SECRET not in output + line
    return line


def stop(server: Running) -> str:
    server.process.terminate()
    output, errors = server.process.communicate(timeout=20)
    assert server.process.returncode == 0
    assert errors == ""
    assert SECRET not in output and KEY not in output
    return output


def test_service_loads_a_pushed_store_and_takes_a_new_version_by_a_reload(
    address: str, versions: Versions, temporary: Path
) -> None:
    first, second = versions.ratings("first"), versions.ratings("second")
    pushed(versions.root / "first", address)
    with (
        # The log is not read while the test runs, so it must be short.
        running(address, admin_keys=ADMIN_KEY, log_level="warning") as server,
        asking(server.url, "/predict/batch", BATCH, clients=2) as asked,
    ):
        assert batch(server) == first
        pushed(versions.root / "second", address)
        assert batch(server) == first
        answer = reload(server).json()
        assert answer["outcome"] == "reloaded"
        assert {model["change"] for model in answer["models"]} == {"changed"}
        assert batch(server) == second
        assert reload(server).json()["outcome"] == "unchanged"
        # Back to the first version, without an upload.
        assert "0 of" in push(versions.root / "first", address)[1]
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: batch(server) == first)
        (folder,) = temporary.glob("ratings-store-*")
        assert len([path for path in folder.iterdir() if path.is_dir()]) == 2
    assert not asked.lost
    assert {response.status_code for response in asked.answers} == {200}
    assert all(response.json()["ratings"] in (first, second) for response in asked.answers)


def test_folder_of_fetched_versions_is_removed_at_the_end(
    address: str, versions: Versions, temporary: Path
) -> None:
    pushed(versions.root / "first", address)
    with running(address):
        # Killed at the end of the block.
        pass
    assert list(temporary.glob("ratings-store-*"))
    with running(address, workers=2) as server:
        stop(server)
    assert not list(temporary.glob("ratings-*"))


@pytest.mark.parametrize("by", ["hangup", "call"])
def test_all_workers_take_a_new_version(address: str, versions: Versions, by: str) -> None:
    pushed(versions.root / "first", address)
    with running(address, workers=2, admin_keys=ADMIN_KEY) as server:
        wait_until(lambda: len(server.workers()) == 2)
        pushed(versions.root / "second", address)
        if by == "hangup":
            server.process.send_signal(signal.SIGHUP)
        else:
            assert reload(server).json()["outcome"] == "reloaded"
        second = versions.ratings("second")
        wait_until(lambda: all(batch(server) == second for _ in range(12)))
        # A worker that starts later has the same version.
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: len(server.workers()) == 2 and pid not in server.workers())  # noqa: B023
        assert all(batch(server) == second for _ in range(12))
        stop(server)


@pytest.mark.parametrize("workers", [1, 2])
def test_unreachable_store_leaves_the_models_in_service_at_a_reload(
    versions: Versions,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
) -> None:
    address = f"s3://{BUCKET}/store"
    with s3_server(tmp_path_factory.mktemp("s3")) as own:
        for name, value in own.environment.items():
            monkeypatch.setenv(name, value)
        pushed(versions.root / "first", address)
        with running(address, workers=workers, admin_keys=ADMIN_KEY) as server:
            own.kill()
            answer = reload(server)
            assert answer.status_code == 409
            assert answer.json()["detail"].endswith("current.json: cannot be reached (error sending request)")
            assert BUCKET not in answer.text
            assert batch(server) == versions.ratings("first")
            server.process.send_signal(signal.SIGHUP)
            server.read_until(
                f"reload refused, the previous models stay in service: {address}/current.json: "
                "cannot be reached (error sending request)",
                1 + workers,
            )
            assert all(batch(server) == versions.ratings("first") for _ in range(6))
            stop(server)
    assert f"{address}/current.json: cannot be reached (error sending request)" in refused_start(address)
    code, output = push(versions.root / "first", address)
    assert (code, output.count("\n")) == (1, 1)
    assert "cannot be reached" in output


@contextmanager
def stopped(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop a process for the duration of the block: it accepts connections, and answers nothing."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(("workers", "by"), [(1, "hangup"), (2, "hangup"), (2, "call")])
def test_service_stops_while_it_waits_for_object_storage(
    s3: S3Server, address: str, versions: Versions, workers: int, by: str
) -> None:
    pushed(versions.root / "first", address)
    with (
        running(address, workers=workers, admin_keys=ADMIN_KEY) as server,
        ThreadPoolExecutor(1) as caller,
        stopped(s3.process),
    ):
        if by == "hangup":
            server.process.send_signal(signal.SIGHUP)
        else:
            caller.submit(reload, server)
        wait_until(lambda: fetching(server))
        assert batch(server) == versions.ratings("first")
        start = time.monotonic()
        stop(server)
        # Without an end of the fetch, it would be 30 s and more.
        assert time.monotonic() - start < 15
        assert not fetching(server)


def fetching(server: Running) -> bool:
    """Whether a process of the server's session fetches a version."""
    sessions = subprocess.run(
        ["ps", "-o", "args=", "--sid", str(server.process.pid)], capture_output=True, text=True, check=False
    )
    return "training.artefact.remote.fetch" in sessions.stdout


@pytest.mark.parametrize("damage", ["size", "digest", "missing", "version"])
def test_damaged_version_is_refused_at_the_start_and_at_a_reload(
    s3: S3Server, address: str, versions: Versions, damage: str
) -> None:
    pushed(versions.root / "first", address)
    with running(address, admin_keys=ADMIN_KEY) as server:
        version = pushed(versions.root / "second", address)
        model = f"versions/{version}/baseline/model.keras"
        content = bytes(obstore.get(s3.store(), f"{prefix(address)}/{model}").bytes())
        if damage == "size":
            overwrite(s3, address, model, content[:-1])
            expected = "stated"
        elif damage == "digest":
            overwrite(s3, address, model, content[:-1] + bytes([content[-1] ^ 1]))
            expected = "differs from its stated digest"
        elif damage == "missing":
            obstore.delete(s3.store(), f"{prefix(address)}/{model}")
            expected = "does not exist"
        else:
            model = f"versions/{version}/version.json"
            stated = bytes(obstore.get(s3.store(), f"{prefix(address)}/{model}").bytes())
            overwrite(s3, address, model, stated.replace(b'"bytes": ', b'"bytes": 1', 1))
            expected = "differs from the digest that the version is named after"
        answer = reload(server)
        assert answer.status_code == 409
        assert answer.json()["detail"].startswith(f"the previous models stay in service: {model}: ")
        assert expected in answer.json()["detail"]
        assert batch(server) == versions.ratings("first")
        stop(server)
    assert f"{address}/{model}: " in (line := refused_start(address)) and expected in line
    # A push uploads what is missing, and refuses what differs.
    code, output = push(versions.root / "second", address)
    if damage == "missing":
        assert code == 0 and "1 of" in output
        with running(address) as server:
            assert batch(server) == versions.ratings("second")
    else:
        assert code == 1 and f"{address}/{model}: " in output


def test_version_that_the_service_cannot_serve_is_refused(
    s3: S3Server, address: str, versions: Versions
) -> None:
    pushed(versions.root / "first", address)
    with running(address, admin_keys=ADMIN_KEY, models="baseline") as server:
        (versions.root / "second" / "baseline").rename(versions.root / "baseline")
        pushed(versions.root / "second", address)
        assert reload(server).status_code == 409
        assert batch(server) == versions.ratings("first")


def test_address_without_a_store_is_refused(address: str) -> None:
    assert f"{address}/current.json: does not exist: no store has been pushed there" in refused_start(address)


def test_wrong_credentials_are_refused_without_repeating_them(
    address: str, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    line = refused_start(address)
    assert "access is denied with the credentials of the environment" in line
    code, output = push(versions.root / "first", address)
    assert code == 1 and "access is denied" in output
    assert "not-the-secret" not in line + output and KEY not in line + output


def test_version_is_a_folder_of_models(s3: S3Server, address: str, versions: Versions) -> None:
    version = pushed(versions.root / "first", address)
    folder = f"{prefix(address)}/versions/{version}"
    store = versions.root / "first"
    expected = {str(path.relative_to(store)) for path in store.glob("[!.]*/*")} | {"version.json"}
    assert s3.names(folder) == {f"{folder}/{name}" for name in expected}


def test_later_of_two_pushes_at_once_is_refused(
    s3: S3Server, address: str, versions: Versions, tmp_path: Path
) -> None:
    paused = tmp_path / "paused"
    slow = push_command(versions.root / "second", address, "pause", paused)
    wait_until(paused.exists, seconds=60)
    version = pushed(versions.root / "first", address)
    paused.unlink()
    output, errors = slow.communicate(timeout=60)
    assert (slow.returncode, output) == (1, "")
    assert errors.count("\n") == 1
    assert "another push has changed the current version meanwhile" in errors
    assert current(s3, address) == version
    # Also if there was a version before.
    slow = push_command(versions.root / "second", address, "pause", paused)
    wait_until(paused.exists, seconds=60)
    shutil.copytree(versions.root / "first" / "baseline", tmp_path / "third" / "baseline")
    version = pushed(tmp_path / "third", address)
    paused.unlink()
    assert "another push has changed" in slow.communicate(timeout=60)[1]
    assert slow.returncode == 1
    assert current(s3, address) == version


def test_one_of_several_pushes_at_once_is_current(s3: S3Server, address: str, versions: Versions) -> None:
    pushes = [push_command(versions.root / name, address) for name in ("first", "second") * 2]
    outputs = ["".join(process.communicate(timeout=120)) for process in pushes]
    won = [output for output, process in zip(outputs, pushes, strict=True) if process.returncode == 0]
    assert won
    assert any(f"versions/{current(s3, address)}" in output for output in won)
    for output, process in zip(outputs, pushes, strict=True):
        assert process.returncode == 0 or "another push has changed" in output


def test_killed_push_leaves_the_current_version_and_can_be_repeated(
    s3: S3Server, address: str, versions: Versions
) -> None:
    first = pushed(versions.root / "first", address)
    # Each model has a manifest and a model file at least, then there are version.json and the pointer.
    for writes in range(6):
        code, _ = push(versions.root / "second", address, "kill", writes)
        assert code == -signal.SIGKILL
        assert current(s3, address) == first
    with running(address) as server:
        assert batch(server) == versions.ratings("first")
    second = pushed(versions.root / "second", address)
    assert current(s3, address) == second != first
    with running(address) as server:
        assert batch(server) == versions.ratings("second")


def large_store(folder: Path) -> Path:
    """A store with a model file of three parts."""
    users, random = 1000, np.random.default_rng(5)
    table = replace(
        tiny_table(),
        users=Vocabulary.from_numbers(np.arange(1, users + 1), "user_"),
        user_index=np.arange(4 * users, dtype=np.int32) % users,
        movie_index=(np.arange(4 * users, dtype=np.int32) + random.integers(0, 5)) % MOVIES,
        ratings=random.integers(1, 6, 4 * users).astype(np.float32),
    )
    wide = TINY_BASELINE.model_copy(update={"embedding_dim": 4096})
    return build_store(folder, wide, recipe=QUICK.model_copy(update={"epochs": 1}), table=table)


def test_large_file_is_pushed_in_parts_and_served(s3: S3Server, address: str, tmp_path: Path) -> None:
    store = large_store(tmp_path / "large")
    file = store / "baseline" / "model.keras"
    assert 2 * CHUNK_BYTES < file.stat().st_size < 3 * CHUNK_BYTES
    assert "3 of 3 files uploaded" in push(store, address)[1]
    name = f"{prefix(address)}/versions/{current(s3, address)}/baseline/model.keras"
    # The ETag of an upload in parts ends with their number.
    assert str(obstore.head(s3.store(), name)["e_tag"]).endswith('-3"')
    assert bytes(obstore.get(s3.store(), name).bytes()) == file.read_bytes()
    assert "0 of 3 files uploaded" in push(store, address)[1]
    with running(address) as server:
        assert len(batch(server)) == len(BATCH["user_ids"])
    obstore.put(s3.store(), name, b"other")
    code, output = push(store, address)
    assert code == 1 and "has 5 bytes, but" in output


def test_large_file_that_changes_while_it_is_pushed_is_not_written(s3: S3Server, address: str) -> None:
    def parts() -> Iterator[bytes]:
        yield from [bytes(CHUNK_BYTES)] * 3
        raise ArtefactDamaged("model.keras", "has changed")

    stated = FileRecord(sha256="0" * 64, bytes=3 * CHUNK_BYTES)
    objects = Objects(StoreAddress(address))
    with pytest.raises(ArtefactDamaged, match="has changed"):
        objects.create_in_parts("model.keras", stated, parts())
    assert s3.names(prefix(address)) == set()


def test_memory_of_a_push_does_not_grow_with_the_file(address: str) -> None:
    program = (
        "import resource, sys; from training.artefact.manifest import FileRecord; "
        "from training.artefact.remote.address import StoreAddress; "
        "from training.artefact.remote.objects import CHUNK_BYTES, Objects; "
        "parts = int(sys.argv[2]); stated = FileRecord(sha256='0' * 64, bytes=parts * CHUNK_BYTES); "
        "content = (bytes([part]) * CHUNK_BYTES for part in range(parts)); "
        "Objects(StoreAddress(sys.argv[1])).create_in_parts(f'{parts}', stated, content); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    few, many = (
        int(subprocess.check_output([sys.executable, "-c", program, address, str(parts)], cwd=REPOSITORY))
        for parts in (4, 24)
    )
    # In KiB: less than two of the twenty parts more.
    assert many - few < 2 * CHUNK_BYTES / 1024
