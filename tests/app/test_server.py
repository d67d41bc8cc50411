"""`python -m app` as a process: start, failed start, responses, stop."""

from __future__ import annotations

import gc
import json
import shutil
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from app.contract.errors import StartError
from app.server import Server, bind_first, bind_socket
from app.settings import Settings
from tests.app.processes import command, free_port, running
from tests.figures import report


def _damage(store: Path) -> None:
    path = store / "baseline" / "model.keras"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _rename(store: Path) -> None:
    (store / "baseline").rename(store / "other")


def _newer_format(store: Path) -> None:
    path = store / "baseline" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "format_version": 99}), "utf-8")


def _other_name(store: Path) -> None:
    (store / "zzz").symlink_to(store / "baseline")


def _empty(store: Path) -> None:
    shutil.rmtree(store)
    store.mkdir()


@pytest.mark.parametrize(
    ("damage", "settings", "reason"),
    [
        (_damage, {}, "model.keras"),
        (_damage, {"workers": 2}, "model.keras"),
        (None, {"port": "http"}, "RATINGS_PORT"),
        (None, {"api_key": "sesame-open-the-door-now"}, "RATINGS_API_KEY"),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in [
                (shutil.rmtree, {}, "store"),
                (_empty, {}, "no model"),
                (_rename, {}, "other"),
                (_other_name, {}, "zzz: its manifest is that of 'baseline'"),
                (_other_name, {"workers": 2}, "zzz: its manifest is that of 'baseline'"),
                (_newer_format, {}, "format_version"),
                (None, {"default_model": "nope"}, "RATINGS_DEFAULT_MODEL"),
                (None, {"models": "baseline,nope"}, "RATINGS_MODELS"),
                (None, {"host": "no.such.host.invalid"}, "RATINGS_HOST"),
                (None, {"api_keys_file": "/nonexistent/keys"}, "RATINGS_API_KEYS_FILE"),
                (None, {"admin_keys": "secret", "workers": 2}, "RATINGS_ADMIN_KEYS"),
            ]
        ),
    ],
)
def test_refuses_to_start_in_one_line(
    store: Path, damage: Callable[[Path], None] | None, settings: dict[str, object], reason: str
) -> None:
    if damage is not None:
        damage(store)
    process = command(store, **{"port": free_port(), **settings})
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("cannot start: ")
    assert errors.count("\n") == 1
    assert reason in errors
    assert "secret" not in errors and "sesame" not in errors


@pytest.mark.long
def test_a_model_may_be_a_link_to_a_folder_of_any_name(store: Path) -> None:
    (store / "baseline").rename(store.parent / "baseline-2")
    (store / "baseline").symlink_to("../baseline-2")
    with running(store) as server:
        assert httpx2.get(f"{server.url}/models/baseline").status_code == 200


@pytest.mark.long
def test_access_without_keys_causes_one_warning(shared_store: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a-key-for-reading-01\n")
    for settings, expected in (
        ({}, ""),
        ({"host": "0.0.0.0"}, "has access: no API keys are set"),
        ({"host": "0.0.0.0", "workers": 2}, "has access: no API keys are set"),
        ({"host": "0.0.0.0", "api_keys_file": keys}, "is readable by all users"),
    ):
        with running(shared_store, **settings) as server:
            server.process.send_signal(signal.SIGTERM)
            output, _ = server.process.communicate(timeout=10)
        warnings = [line for line in output.splitlines() if "WARNING" in line]
        assert len(warnings) == bool(expected) and expected in "".join(warnings)


def test_port_in_use_is_one_line(shared_store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = command(shared_store, port=taken.getsockname()[1])
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert "in use" in errors


def test_socket_is_bound_to_the_first_available_address_of_a_host() -> None:
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, 0))
        for host in ("192.0.2.1", "127.0.0.2", "127.0.0.3")
    ]
    with bind_first(addresses) as listener:
        assert listener.getsockname()[0] == "127.0.0.2"


def test_unavailable_address_leaves_no_open_socket() -> None:
    # Otherwise the collector would warn, and warnings are errors.
    with pytest.raises(StartError, match="cannot listen on 192"):
        bind_socket("192.0.2.1", 0)
    gc.collect()


def test_application_that_cannot_start_is_a_start_error(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a bug")

    with bind_socket("127.0.0.1", 0) as listener, pytest.raises(StartError, match="could not start"):
        Server(broken, Settings()).run([listener])
    assert "a bug" in caplog.text


@pytest.mark.long
def test_serves_and_stops_with_exit_code_0_while_a_batch_is_in_flight(shared_store: Path) -> None:
    count = 100_000
    columns = json.dumps(
        {
            "user_ids": [f"user_{number % 29 + 1}" for number in range(count)],
            "movie_ids": [f"movie_{number % 39 + 1}" for number in range(count)],
        }
    )

    def send_batch() -> httpx2.Response:
        headers = {"content-type": "application/json"}
        return httpx2.post(f"{server.url}/predict/batch", content=columns, headers=headers, timeout=60)

    with running(shared_store) as server, ThreadPoolExecutor(3) as senders:
        waits = []
        # Create the client first, because this takes about as long as three batches.
        with httpx2.Client(base_url=server.url) as client:
            batches = [senders.submit(send_batch) for _ in range(3)]
            while not all(batch.done() for batch in batches):
                start = time.perf_counter()
                assert client.get("/healthz").status_code == 200
                waits.append(time.perf_counter() - start)
        # Not the slowest one, because the machine may run other programs.
        assert sorted(waits)[len(waits) * 9 // 10] < 0.2

        batches.append(senders.submit(send_batch))
        time.sleep(0.1)
        start = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        output, errors = server.process.communicate(timeout=10)
        seconds = time.perf_counter() - start
        assert seconds < 5
        assert server.process.returncode == 0
        assert errors == ""
        assert f"ready on {server.url}" in output
        assert "user_" not in output
        answers = [batch.result() for batch in batches]
    assert {answer.status_code for answer in answers} == {200}
    assert len(answers[0].json()["ratings"]) == count
    assert all(answer.content == answers[0].content for answer in answers)
    report("SIGTERM with a batch of 100,000 pairs in flight", stopped_after=f"{seconds:.2f} s", lost=0)


@pytest.mark.long
def test_request_beyond_the_shutdown_timeout_gets_a_503(shared_store: Path) -> None:
    with running(shared_store, shutdown_seconds=1) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as half_sent:
            head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            half_sent.sendall(head + b"Content-Length: 9\r\n\r\n{")
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            answer = b"".join(iter(lambda: half_sent.recv(10_000), b""))
        output, errors = server.process.communicate(timeout=10)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"stopping"' in answer
    assert server.process.returncode == 0
    assert "Traceback" not in output + errors


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_while_it_still_loads(shared_store: Path, number: signal.Signals) -> None:
    process = command(shared_store, port=free_port())
    assert process.stdout is not None
    assert "loading" in process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(number)
    process.communicate(timeout=5)
    assert process.returncode == 0


def test_two_workers_answer_and_stop_with_exit_code_0(shared_store: Path) -> None:
    with running(shared_store, workers=2) as server:
        url = f"{server.url}/predict?user_id=1&movie_id=1"
        # One connection per request, so that both workers get some.
        answers = [httpx2.get(url, timeout=60).json() for _ in range(20)]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["known_user"]
        server.process.send_signal(signal.SIGTERM)
        output, errors = server.process.communicate(timeout=60)
        assert server.process.returncode == 0
        assert errors == ""
        assert "starting 2 workers" in output
