"""`/metrics` exposes the counts of one process, and the sums over several."""

from __future__ import annotations

import fcntl
import io
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.main import create_app
from app.observability.metrics.counters import Counters
from app.observability.metrics.exporter import expose
from app.observability.metrics.rating_counters import ModelCounter, rating_bounds
from app.observability.metrics.worker_files import (
    ALIVE_SECONDS,
    PREFIX,
    Snapshot,
    WorkerFile,
    remove_abandoned_folders,
    shared_folder,
)
from app.settings import Settings
from tests.app.fakes import fake_registry
from tests.app.problems import assert_problem
from tests.app.scraping import Scrape, scrape
from tests.conftest import REPOSITORY
from training.artefact import DEFAULT_SCALE

REQUESTS = "stars_http_requests_total"
SECONDS = "stars_http_request_duration_seconds"
PAIRS = "stars_pairs_total"


@pytest.fixture
def fresh() -> Iterator[TestClient]:
    """An application that has counted nothing yet."""
    with TestClient(create_app(Settings(), fake_registry()), raise_server_exceptions=False) as client:
        yield client


def test_requests_are_counted_by_route_method_and_status(fresh: TestClient) -> None:
    for _ in range(3):
        fresh.post("/predict", json={"user_id": 1, "movie_id": 1})
    fresh.post("/predict", json={"user_id": 4, "movie_id": 1})
    for name in ("baseline", "half", "nope"):
        fresh.get(f"/models/{name}")
    fresh.head("/models/half")
    fresh.get("/no/such/address")
    fresh.request("BREW", "/predict")
    fresh.request("BREW", "/coffee")
    found = scrape(fresh.get)
    assert found(REQUESTS, route="/predict", method="POST", status="200") == 3
    assert found(REQUESTS, route="/predict", method="POST", status="404") == 1
    assert found(REQUESTS, route="/models/{name}", method="GET", status="200") == 2
    assert found(REQUESTS, route="/models/{name}", method="GET", status="404") == 1
    assert found(REQUESTS, route="/models/{name}", method="HEAD", status="200") == 1
    assert found(REQUESTS, route="other", method="GET", status="404") == 1
    assert found(REQUESTS, route="other", method="other", status="404") == 1
    assert found(f"{SECONDS}_count", route="/predict", method="POST") == 4
    assert found(f"{SECONDS}_bucket", route="/predict", method="POST", le="+Inf") == 4
    assert 0 < found(f"{SECONDS}_sum", route="/predict", method="POST") < 60
    assert found("stars_http_requests_in_flight") == 1  # this one


def test_upper_bounds_of_the_histogram_are_inclusive() -> None:
    counters = Counters()
    for seconds in (0.00005, 0.0001, 0.00011, 5.0, 7.0):
        counters.request("/x", "GET", 200, seconds)
    text, _ = expose([Snapshot("0", counters.counts(), {})], 1, "")
    found = Scrape(httpx2.Response(200, content=text, headers={"content-type": "text/plain; version=0.0.4"}))

    def bucket(bound: str) -> float:
        return found(f"{SECONDS}_bucket", route="/x", method="GET", le=bound)

    assert [bucket(bound) for bound in ("0.0001", "0.00025", "2.5", "5.0", "+Inf")] == [2, 3, 3, 4, 5]


def test_unknown_methods_and_paths_create_no_series(fresh: TestClient) -> None:
    for number in range(20):
        fresh.request(f"M{number}", f"/x{number}")
        fresh.get(f"/models/m{number}")
    (family,) = [one for one in scrape(fresh.get).families if one.name == "stars_http_requests"]
    assert len(family.samples) == 2


def test_pairs_are_counted_by_model_known_or_cold(fresh: TestClient) -> None:
    # Stars of user index u and movie index m: u + m / 4.
    fresh.post("/predict", json={"user_id": 3, "movie_id": 4})  # 2.75, by the fast path
    fresh.get("/predict?user_id=1&movie_id=3")  # 0.5, by the route
    fresh.post("/predict", json={"user_id": 4, "movie_id": 1})  # cold, refused
    fresh.post("/predict", json={"user_id": 4, "movie_id": 1, "on_unknown": "fallback"})  # cold
    pairs = {"user_ids": [1, 2, 4], "movie_ids": [1, 1, 1], "on_unknown": "fallback", "model": "half"}
    fresh.post("/predict/batch", json=pairs)  # 0, 0.5, cold
    fresh.post("/predict/batch", json={"user_ids": [], "movie_ids": []})
    found = scrape(fresh.get)
    assert (found(PAIRS, model="baseline", ids="known"), found(PAIRS, model="baseline", ids="cold")) == (2, 2)
    assert (found(PAIRS, model="half", ids="known"), found(PAIRS, model="half", ids="cold")) == (2, 1)
    assert found("stars_predicted_stars_sum", model="baseline", scale="0:5") == 3.25
    assert found("stars_predicted_stars_count", model="baseline", scale="0:5") == 2
    bounds = ("0.5", "2.5", "3.0", "5.0")
    predicted = {"model": "baseline", "scale": "0:5"}
    assert [found("stars_predicted_stars_bucket", **predicted, le=bound) for bound in bounds] == [
        1,
        1,
        2,
        2,
    ]
    assert found("stars_predicted_stars_bucket", model="half", scale="0:5", le="0.5") == 2
    assert found("stars_batch_pairs_count", model="half") == 1
    assert found("stars_batch_pairs_sum", model="half") == 3
    assert found("stars_batch_pairs_bucket", model="half", le="1.0") == 0
    assert found("stars_batch_pairs_bucket", model="half", le="10.0") == 1
    assert found("stars_batch_pairs_bucket", model="baseline", le="1.0") == 1


def test_arrow_streams_are_counted_as_batches(fresh: TestClient) -> None:
    table = pa.table({"user_id": ["1", "2", "3"], "movie_id": ["1", "1", "1"]})
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    headers = {"content-type": "application/vnd.apache.arrow.stream"}
    assert fresh.post("/predict/batch", content=sink.getvalue(), headers=headers).status_code == 200
    found = scrape(fresh.get)
    assert found("stars_batch_pairs_count", model="baseline") == 1
    assert found("stars_batch_pairs_sum", model="baseline") == 3
    assert found(PAIRS, model="baseline", ids="known") == 3


def test_recommendation_lists_are_counted(fresh: TestClient) -> None:
    fresh.get("/recommend?user_id=1&model=half")
    fresh.post("/recommend", json={"user_id": 1})
    fresh.post("/recommend", json={"user_id": 4})  # cold: refused before anything is rated
    fresh.post("/predict/new-user", json={"ratings": [{"movie_id": 1, "rating": 5}]})
    found = scrape(fresh.get)
    assert [found("stars_rankings_total", model=name) for name in ("half", "baseline")] == [1, 2]
    assert found(PAIRS, model="half", ids="known") == 0


def test_errors_of_given_ratings_are_summed(fresh: TestClient) -> None:
    pairs = [{"user_id": 1, "movie_id": 1, "rating": rating} for rating in (1, 5, 4.5)]
    request = {"pairs": [*pairs, {"user_id": 1, "movie_id": 1}], "models": ["half"]}
    answer = fresh.post("/compare", json=request).json()
    predicted = answer["pairs"][0]["ratings"]["half"]
    off = [predicted - one["rating"] for one in pairs]
    found = scrape(fresh.get)
    assert found("stars_compared_pairs_total", model="half") == 3
    squared = found("stars_compared_squared_error_total", model="half")
    assert squared == pytest.approx(sum(one**2 for one in off))
    for direction, sign in (("above", 1), ("below", -1)):
        total = found("stars_compared_error_total", model="half", direction=direction)
        assert total == pytest.approx(sum(max(sign * one, 0) for one in off))
    assert found("stars_compared_pairs_total", model="baseline") == 0


def test_models_and_workers_are_exposed() -> None:
    before = time.time()
    with TestClient(create_app(Settings(), fake_registry())) as client:
        found = scrape(client.get)
    assert before - 1 < found("process_start_time_seconds", worker="0") <= time.time()
    digest = "ab" * 32
    assert found("stars_model_info", model="baseline", sha256=digest, default="true") == 1
    assert found("stars_model_info", model="half", sha256=digest, default="false") == 1
    assert (found("stars_workers"), found("stars_ready_workers")) == (1, 1)
    assert 10e6 < found("process_resident_memory_bytes", worker="0") < 10e9
    assert found("process_cpu_seconds_total", worker="0") > 0
    for outcome in ("ok", "refused"):
        assert ("stars_reloads_total" in found.names) and found("stars_reloads_total", outcome=outcome) == 0


def test_names_follow_the_conventions(fresh: TestClient) -> None:
    for family in scrape(fresh.get).families:
        assert family.name.startswith(("stars_", "process_")) and family.documentation
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)


def test_openmetrics_is_returned_if_accept_prefers_it(fresh: TestClient) -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    answer = fresh.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.3", False),
        ("text/plain;version=0.0.4;q=0.3,application/openmetrics-text;version=1.0.0;q=0.5", True),
        ("application/openmetrics-text;version=1.0.0;q=0,text/plain", False),
        ("application/openmetrics-text;version=1.0.0;q=0", False),
        ("*/*", False),
        ("image/png", False),
    ],
)
def test_the_format_of_metrics_follows_accept(fresh: TestClient, accept: str, openmetrics: bool) -> None:
    content_type = fresh.get("/metrics", headers={"accept": accept}).headers["content-type"]
    assert content_type.startswith("application/openmetrics-text") is openmetrics


def test_metrics_can_be_switched_off() -> None:
    with TestClient(create_app(Settings(metrics=False), fake_registry())) as client:
        assert client.post("/predict", json={"user_id": 1, "movie_id": 1}).status_code == 200
        assert_problem(client.get("/metrics"), 404, "route_not_found")


@given(st.lists(st.floats(0, 5, width=32) | st.sampled_from([0.0, 0.5, 1.0, 4.5, 5.0])))
def test_every_rating_is_counted_at_or_below_its_bound(stars: list[float]) -> None:
    counter = ModelCounter()
    for one in stars:
        counter.one(one)
    counter.add_up()
    counter.many(np.array(stars, np.float32), np.ones(len(stars), np.bool_))
    counter.add_up()
    for place, bound in enumerate(rating_bounds(DEFAULT_SCALE)):
        assert sum(counter.ratings[: place + 1]) == 2 * sum(one <= bound for one in stars)
    assert counter.ratings[-1] == pytest.approx(2 * sum(stars))
    assert counter.cold == 0


def test_counts_of_several_threads_are_complete() -> None:
    counter, each = ModelCounter(), 20_000
    some, known = np.array([1.0, 2.0], np.float32), np.array([True, False])

    def count() -> None:
        for number in range(each):
            counter.one(4.0)
            if number % 100 == 0:
                counter.many(some, known)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counter.add_up()
    counter.add_up()
    assert sum(counter.ratings[:-1]) == 4 * (each + each // 100)
    assert counter.cold == 4 * each // 100


def test_replacement_of_a_worker_continues_its_counts(tmp_path: Path) -> None:
    def count(worker_file: WorkerFile, requests: int) -> list[Snapshot]:
        counters = Counters()
        for _ in range(requests):
            counters.request("/x", "GET", 200, 0.001)
        return [worker_file.write(counters.counts(), counters.state("0")), *worker_file.others()]

    def total(snapshots: list[Snapshot]) -> float:
        text, _ = expose(snapshots, 2, "")
        answer = httpx2.Response(200, content=text, headers={"content-type": "text/plain; version=0.0.4"})
        return Scrape(answer)(REQUESTS, route="/x", method="GET", status="200")

    assert total(count(WorkerFile(tmp_path, 0), 3)) == 3
    assert total(count(WorkerFile(tmp_path, 1), 4)) == 7
    assert total(count(WorkerFile(tmp_path, 0), 2)) == 9
    assert {one.worker for one in WorkerFile(tmp_path, 2).others()} == {"0", "1"}


def test_abandoned_folders_are_removed_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    foreign = tmp_path / "foreign"
    for folder in (foreign, tmp_path / f"{PREFIX}left"):
        folder.mkdir()
        (folder / "0.json").touch()
    (tmp_path / f"{PREFIX}empty").mkdir()
    (tmp_path / f"{PREFIX}left" / "link").symlink_to(foreign / "0.json")
    (tmp_path / f"{PREFIX}link").symlink_to(foreign)
    (tmp_path / f"{PREFIX}file").touch()
    with shared_folder() as used:
        (used / "0.json").touch()
        remove_abandoned_folders()
        assert (used / "0.json").exists()
    assert (foreign / "0.json").exists()
    kept = {"foreign", f"{PREFIX}file", f"{PREFIX}link"}
    assert {path.name for path in tmp_path.iterdir()} == kept


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_abandoned_folder_of_another_user_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    foreign = tmp_path / f"{PREFIX}foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, -1)
    remove_abandoned_folders()
    assert foreign.exists()


@pytest.mark.parametrize(("module", "function"), [(os, "open"), (fcntl, "flock")])
def test_folder_is_not_taken_for_abandoned_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, function: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    real = getattr(module, function)

    def after_another_start(*arguments: Any) -> Any:
        # The start of another service, between two steps of this one.
        monkeypatch.setattr(module, function, real)
        remove_abandoned_folders()
        assert list(tmp_path.iterdir()) == []
        return real(*arguments)

    monkeypatch.setattr(module, function, after_another_start)
    with shared_folder() as folder:
        remove_abandoned_folders()
        assert list(tmp_path.iterdir()) == [folder]


def test_dead_worker_is_not_ready_after_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = Counters()
    counters.instrument(fake_registry())
    WorkerFile(tmp_path, 1).write(counters.counts(), counters.state("1"))

    def ready() -> float:
        own = WorkerFile(tmp_path, 0)
        text, _ = expose([own.write(counters.counts(), counters.state("0")), *own.others()], 2, "")
        answer = httpx2.Response(200, content=text, headers={"content-type": "text/plain; version=0.0.4"})
        return Scrape(answer)("stars_ready_workers")

    assert ready() == 2
    set_back, later = time.time() - 3600, time.monotonic() + ALIVE_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: set_back)
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert ready() == 1


def test_missing_metrics_folder_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    worker_file, counters = WorkerFile(tmp_path / "none", 0), Counters()
    for _ in range(2):
        assert worker_file.write(counters.counts(), counters.state("0")).worker == "0"
    assert worker_file.others() == []
    assert len(caplog.messages) == 1


def test_slow_disk_of_the_metrics_folder_delays_no_request(tmp_path: Path) -> None:
    # Opening a pipe for writing waits for a reader.
    pipe = tmp_path / ".0"
    os.mkfifo(pipe)
    late_reader = threading.Timer(60, pipe.read_bytes)
    late_reader.start()
    with TestClient(create_app(Settings(), fake_registry(), worker_file=WorkerFile(tmp_path, 0))) as client:
        assert client.get("/healthz").status_code == 200
        assert pipe.is_fifo()
        late_reader.cancel()
        assert pipe.read_bytes()
    assert (tmp_path / "0.json").is_file()


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b"{}", b'{"at": 1, "counts": 1, "state": []}'])
def test_invalid_metrics_files_are_ignored(tmp_path: Path, content: bytes) -> None:
    counters = Counters()
    WorkerFile(tmp_path, 2).write(counters.counts(), counters.state("0"))
    (tmp_path / "0.json").write_bytes(content)
    (tmp_path / "1.json").mkdir()
    assert [one.worker for one in WorkerFile(tmp_path, 0).others()] == ["2"]


def test_every_metric_is_documented() -> None:
    text = (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    with TestClient(create_app(Settings(), fake_registry())) as client:
        client.get("/healthz")
        for family in scrape(client.get).families:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert f"| `{name}`" in text
