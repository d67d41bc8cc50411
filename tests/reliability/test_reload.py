"""The store is reloaded while the service answers: every response comes from one version."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.app.processes import Running, command, free_port, running
from tests.figures import report
from tests.reliability.clients import asking, wait_until
from tests.reliability.versions import BATCH, Versions

pytestmark = pytest.mark.long

KEY = "an-admin-key-of-some-length"
ADMIN = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def server(versions: Versions) -> Iterator[Running]:
    # The test does not read the log while it runs, so the log must be short.
    with running(versions.store, admin_keys=KEY, log_level="warning") as server:
        yield server


def reload(server: Running) -> httpx2.Response:
    return httpx2.post(f"{server.url}/admin/reload", headers=ADMIN, timeout=30)


def changes(answer: httpx2.Response) -> dict[str, str]:
    return {model["name"]: model["change"] for model in answer.json()["models"]}


def batch(server: Running) -> list[float]:
    ratings: list[float] = httpx2.post(f"{server.url}/predict/batch", json=BATCH).json()["ratings"]
    return ratings


def digests(server: Running) -> set[str]:
    # One connection per request, so that each worker gets some.
    return {httpx2.get(f"{server.url}/models/baseline").json()["sha256"] for _ in range(12)}


def stop(server: Running) -> str:
    """Stop the server, and return its log."""
    server.process.terminate()
    output, errors = server.process.communicate(timeout=10)
    assert server.process.returncode == 0
    assert errors == ""
    return output


def test_every_response_comes_from_one_version_during_reloads(server: Running, versions: Versions) -> None:
    first, second = versions.ratings("first"), versions.ratings("second")
    assert first != second
    singles = {first[0], second[0]}
    with (
        asking(server.url, "/predict/batch", BATCH, clients=3) as batches,
        asking(server.url, "/predict", {"user_id": 1, "movie_id": 1}, clients=1) as pairs,
    ):
        for version in ["second", "first"] * 4:
            versions.publish(version)
            assert changes(reload(server)) == {"baseline": "changed", "memory_efficient": "unchanged"}
            assert batch(server) == versions.ratings(version)
    assert not batches.lost and not pairs.lost
    assert {answer.status_code for answer in [*batches.answers, *pairs.answers]} == {200}
    found = [answer.json()["ratings"] for answer in batches.answers]
    assert all(ratings in (first, second) for ratings in found)
    assert first in found and second in found
    assert {answer.json()["rating"] for answer in pairs.answers} == singles


def test_reload_keeps_unchanged_models(server: Running, versions: Versions) -> None:
    before = httpx2.get(f"{server.url}/compare").json()
    answer = reload(server)
    assert answer.json()["outcome"] == "unchanged"
    assert set(changes(answer).values()) == {"unchanged"}
    versions.publish("second")
    answer = reload(server)
    assert answer.json()["outcome"] == "reloaded"
    (sha256,) = [model["sha256"] for model in answer.json()["models"] if model["name"] == "baseline"]
    assert sha256 == versions.sha256("second")
    after = httpx2.get(f"{server.url}/compare").json()
    # Times are measured when a model is loaded.
    times = [[model["microseconds_single"] for model in one["models"]] for one in (before, after)]
    assert times[0][1] == times[1][1]
    assert times[0][0] != times[1][0]


@pytest.mark.parametrize(
    ("file", "content"),
    [("model.keras", b"no archive"), ("manifest.json", b"{}"), ("model.keras", None)],
    ids=["damaged", "foreign", "missing"],
)
def test_reload_refuses_an_invalid_store_and_keeps_the_models(
    server: Running, versions: Versions, file: str, content: bytes | None
) -> None:
    versions.publish("second", "memory_efficient")
    damaged = versions.root / "second" / "baseline" / file
    good = damaged.read_bytes()
    if content is None:
        damaged.unlink()
    else:
        damaged.write_bytes(content)
    versions.publish("second")
    answer = reload(server)
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "reload_refused"
    assert f"baseline/{file}" in problem["detail"]
    assert str(versions.root) not in answer.text
    # The valid model has not changed either.
    assert httpx2.get(f"{server.url}/models/memory_efficient").json()["sha256"] == versions.sha256(
        "first", "memory_efficient"
    )
    assert batch(server) == versions.ratings("first")
    assert httpx2.get(f"{server.url}/readyz").status_code == 200
    report = httpx2.get(f"{server.url}/admin/reload", headers=ADMIN).json()
    assert (report["reloads"], report["refused"], report["last"]["outcome"]) == (0, 1, "refused")
    assert report["last"]["reason"] == problem["detail"]

    damaged.write_bytes(good)
    assert changes(reload(server)) == {"baseline": "changed", "memory_efficient": "changed"}
    assert batch(server) == versions.ratings("second")
    assert re.search(r" ERROR app.services.reload reload refused.*baseline", stop(server))


@pytest.mark.parametrize(
    ("there_is", "reason"),
    [
        ("nothing", "there is no models store"),
        ("a file", "the models store cannot be read (Not a directory)"),
        ("an empty folder", "the models store holds no model"),
        ("a link to itself", "the models store cannot be read (Too many levels of symbolic links)"),
    ],
)
def test_refusal_of_a_missing_store_does_not_show_its_path(
    server: Running, versions: Versions, there_is: str, reason: str
) -> None:
    versions.store.rename(versions.root / "away")
    if there_is == "a file":
        versions.store.write_text("")
    elif there_is == "an empty folder":
        versions.store.mkdir()
    elif there_is == "a link to itself":
        versions.store.symlink_to(versions.store)
    answer = reload(server)
    assert answer.status_code == 409
    detail = answer.json()["detail"]
    assert detail == f"the previous models stay in service: {reason}"
    last = httpx2.get(f"{server.url}/admin/reload", headers=ADMIN).json()["last"]
    assert last["reason"] == detail
    assert str(versions.root) not in answer.text + last["reason"]
    # The log shows the path.
    assert f"{versions.store}: {reason}" in stop(server)


def test_reload_refuses_a_model_with_another_name_in_one_line(server: Running, versions: Versions) -> None:
    (versions.store / "zzz").symlink_to(versions.store / "baseline")
    answer = reload(server)
    assert answer.status_code == 409
    assert "zzz: its manifest is that of 'baseline', not the folder's" in answer.json()["detail"]
    assert "Traceback" not in stop(server)


def test_writing_into_a_served_file_changes_no_response(server: Running, versions: Versions) -> None:
    before = batch(server)
    for model in ("baseline", "memory_efficient"):
        served = versions.store / model / "model.keras"
        other = (versions.root / "second" / model / "model.keras").read_bytes()
        # As `cp` does: the same file, with other bytes.
        with served.open("r+b") as file:
            file.write(other)
    assert batch(server) == before
    for model in ("baseline", "memory_efficient"):
        (versions.store / model / "model.keras").write_bytes(b"")
    assert batch(server) == before
    answer = reload(server)
    assert answer.status_code == 409 and "model.keras" in answer.json()["detail"]
    assert batch(server) == before


def test_reload_adds_and_removes_models(server: Running, versions: Versions) -> None:
    (versions.store / "memory_efficient").unlink()
    assert changes(reload(server)) == {"baseline": "unchanged", "memory_efficient": "removed"}
    asked = {"user_id": 1, "movie_id": 1, "model": "memory_efficient"}
    assert httpx2.post(f"{server.url}/predict", json=asked).status_code == 404
    versions.publish("second", "memory_efficient")
    assert changes(reload(server)) == {"baseline": "unchanged", "memory_efficient": "added"}
    assert httpx2.post(f"{server.url}/predict", json=asked).status_code == 200
    (versions.store / "memory_efficient").unlink()
    (versions.store / "baseline").unlink()
    assert reload(server).status_code == 409


def test_concurrent_reloads_run_one_after_the_other(server: Running, versions: Versions) -> None:
    versions.publish("second")
    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(lambda _: reload(server), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    outcomes = sorted(answer.json()["outcome"] for answer in answers)
    assert outcomes == ["reloaded", *["unchanged"] * 5]


def test_sighup_reloads_the_store(versions: Versions) -> None:
    with running(versions.store) as server:
        versions.publish("second")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: batch(server) == versions.ratings("second"))
        # There is no /admin without a key for it.
        assert reload(server).status_code == 404


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_is_not_lost_while_the_service_starts(versions: Versions, workers: int) -> None:
    process = command(versions.store, port=free_port(), workers=workers)
    server = Running(process, "")
    # From the first line on, which is long before it is ready.
    server.read_until("loading")
    process.send_signal(signal.SIGHUP)
    server.read_until("store reloaded")
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


def blocks_sighup(pid: int) -> bool:
    (line,) = re.findall(r"SigBlk:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(line, 16) & 1 << signal.SIGHUP - 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_during_imports_causes_a_reload(versions: Versions, workers: int) -> None:
    process = command(versions.store, port=free_port(), workers=workers)
    # The program blocks it first, long before it logs a line.
    wait_until(lambda: blocks_sighup(process.pid), seconds=10)
    process.send_signal(signal.SIGHUP)
    Running(process, "").read_until("store reloaded")
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.parametrize("by", ["hangup", "call"])
def test_all_workers_reload(versions: Versions, by: str) -> None:
    with running(versions.store, workers=2, admin_keys=KEY) as server:
        server.read_until("ready on", 2)
        versions.publish("second")
        if by == "hangup":
            server.process.send_signal(signal.SIGHUP)
        else:
            assert changes(reload(server))["baseline"] == "changed"
        wait_until(lambda: digests(server) == {versions.sha256("second")})
        for report in reload_reports(server):
            assert (report["reloads"], report["refused"], report["last"]["outcome"]) == (1, 0, "reloaded")
        output = stop(server)
    assert output.count("store reloaded: baseline changed") == 2


def reload_reports(server: Running) -> list[dict[str, Any]]:
    # One connection per request, so that each worker gets some.
    return [httpx2.get(f"{server.url}/admin/reload", headers=ADMIN).json() for _ in range(12)]


def test_all_workers_refuse_an_invalid_store(versions: Versions) -> None:
    with running(versions.store, workers=2, admin_keys=KEY) as server:
        server.read_until("ready on", 2)
        (versions.root / "second" / "baseline" / "manifest.json").write_text("{}")
        versions.publish("second")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: all(report["refused"] == 1 for report in reload_reports(server)))
        assert {report["last"]["outcome"] for report in reload_reports(server)} == {"refused"}
        assert digests(server) == {versions.sha256("first")}


def replace_workers(server: Running) -> None:
    """Kill each worker, and wait until another one has taken its place."""
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(server.workers()) == 2 and pid not in server.workers())  # noqa: B023


@pytest.mark.parametrize("by", ["hangup", "call"])
def test_worker_that_starts_later_serves_the_last_accepted_store(versions: Versions, by: str) -> None:
    first, second = ({versions.sha256(version)} for version in ("first", "second"))
    with running(versions.store, workers=2, admin_keys=KEY, log_level="error") as server:
        wait_until(lambda: len(server.workers()) == 2)
        for version, sha256 in (("second", second), ("first", first), ("second", second)):
            versions.publish(version)
            if by == "hangup":
                server.process.send_signal(signal.SIGHUP)
            else:
                assert reload(server).status_code == 200
            wait_until(lambda: digests(server) == sha256)  # noqa: B023
            replace_workers(server)
            assert digests(server) == sha256
        # Published without a reload.
        versions.publish("first")
        replace_workers(server)
        assert digests(server) == second
        # A refused reload.
        (versions.root / "first" / "baseline" / "model.keras").write_bytes(b"no archive")
        assert reload(server).status_code == 409
        server.process.send_signal(signal.SIGHUP)
        replace_workers(server)
        assert digests(server) == second
        assert batch(server) == versions.ratings("second")


def test_keras_worker_that_starts_later_serves_the_last_accepted_store(versions: Versions) -> None:
    with running(versions.store, workers=2, engine="keras") as server:
        server.read_until("ready on", 2)
        versions.publish("second")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: digests(server) == {versions.sha256("second")})
        (versions.root / "first" / "baseline" / "model.keras").write_bytes(b"no archive")
        versions.publish("first")
        server.process.send_signal(signal.SIGHUP)
        server.read_until("reload refused", 3)
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
            server.read_until("ready on")
        assert digests(server) == {versions.sha256("second")}


@pytest.mark.parametrize("by", ["hangup", "call"])
def test_reload_reaches_a_worker_that_is_starting(versions: Versions, by: str) -> None:
    rounds = 20
    with running(versions.store, workers=2, admin_keys=KEY, log_level="error") as server:
        for number in range(rounds):
            wait_until(lambda: len(server.workers()) == 2)
            version = "first" if number % 2 else "second"
            sha256 = versions.sha256(version)
            versions.publish(version)
            killed = server.workers()[0]
            os.kill(killed, signal.SIGKILL)
            # A worker is ready some 50 to 100 ms after the one before has ended.
            time.sleep(0.01 * number)
            if by == "hangup":
                server.process.send_signal(signal.SIGHUP)
            else:
                assert reload(server).status_code == 200
            wait_until(lambda: len(server.workers()) == 2 and killed not in server.workers())  # noqa: B023
            wait_until(lambda: digests(server) == {sha256})  # noqa: B023
            time.sleep(0.1)
            assert digests(server) == {sha256}
        # No signal has ended a worker.
        assert stop(server).count("was sent SIGKILL!") == rounds


def test_no_request_is_lost_while_all_workers_reload(versions: Versions) -> None:
    with running(versions.store, workers=2, admin_keys=KEY, log_level="warning") as server:
        wait_until(lambda: len(server.workers()) == 2)
        workers = server.workers()
        with asking(server.url, "/predict/batch", BATCH, clients=4) as asked:
            for version in ["second", "first"] * 4:
                versions.publish(version)
                server.process.send_signal(signal.SIGHUP)
                sha256 = versions.sha256(version)
                wait_until(lambda: digests(server) == {sha256})  # noqa: B023
        assert server.workers() == workers
    assert not asked.lost
    assert {answer.status_code for answer in asked.answers} == {200}
    ratings = (versions.ratings("first"), versions.ratings("second"))
    assert all(answer.json()["ratings"] in ratings for answer in asked.answers)


def anonymous_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("Anonymous:")]
    return int(line.split()[1]) * 1024


def open_files(server: Running) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_fifty_reloads_under_load_leak_no_memory_and_no_files(server: Running, versions: Versions) -> None:
    waits = []

    def exchange(count: int) -> None:
        for number in range(count):
            for model in ("baseline", "memory_efficient"):
                versions.publish("second" if number % 2 == 0 else "first", model)
            assert set(changes(reload(server)).values()) == {"changed"}
            start = time.perf_counter()
            assert httpx2.get(f"{server.url}/healthz").status_code == 200
            waits.append(time.perf_counter() - start)

    with asking(server.url, "/predict/batch", BATCH) as asked:
        exchange(10)
        before, files = anonymous_bytes(server.process.pid), open_files(server)
        exchange(50)
        # While the clients still ask: their connections are files, too.
        after, more_files = anonymous_bytes(server.process.pid), open_files(server) - files
    assert not asked.lost
    assert {answer.status_code for answer in asked.answers} == {200}
    assert after - before < 2_000_000
    assert more_files <= 4
    health = sorted(waits)[len(waits) // 2]
    assert health < 0.2
    report(
        "reloads under load",
        reloads=50,
        requests=f"{len(asked.answers):,}",
        lost=0,
        private_memory_grew_by=f"{(after - before) / 1024:.0f} KiB",
        health_median=f"{1000 * health:.1f} ms",
    )
