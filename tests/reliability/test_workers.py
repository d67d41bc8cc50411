"""Several workers under gunicorn: no worker ends the others, and none outlives the master for long."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
import pytest

from app.observability.metrics.worker_files import ALIVE_SECONDS
from app.workers import TIMEOUT_SECONDS
from tests.app.processes import Running, command, free_port, running
from tests.app.scraping import scrape
from tests.figures import report
from tests.reliability.clients import Asked, asking, wait_until
from tests.reliability.sockets import read_until

pytestmark = pytest.mark.long

PAIR = {"user_id": 1, "movie_id": 1}
URL = "/predict?user_id=1&movie_id=1"


def lives(pid: int) -> bool:
    """Whether a process is running; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def all_are_ready(url: str) -> bool:
    return "stars_ready_workers 2.0\n" in httpx2.get(f"{url}/metrics").text


def has_answers(asked: Asked, count: int) -> bool:
    return len(asked.answers) > count


def replaced(server: Running, pid: int) -> bool:
    return len(server.workers()) == 2 and pid not in server.workers()


def test_killed_worker_loses_only_its_own_requests(shared_store: Path) -> None:
    with running(shared_store, workers=2, log_level="warning") as server:
        wait_until(lambda: len(server.workers()) == 2)
        with asking(server.url, "/predict", PAIR, clients=4) as asked:
            wait_until(lambda: len(asked.answers) > 50)
            before = server.workers()
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: replaced(server, before[0]))
            count = len(asked.answers)
            wait_until(lambda: len(asked.answers) > count + 100)
        # Each client has one request in flight.
        assert len(asked.lost) <= 4
        assert {answer.status_code for answer in asked.answers} == {200}
        assert before[1] in server.workers()
        server.process.terminate()
        output, _ = server.process.communicate(timeout=10)
    assert f"ERROR gunicorn.error Worker (pid:{before[0]}) was sent SIGKILL!" in output
    assert server.process.returncode == 0


def test_repeatedly_killed_workers_lose_only_their_own_requests(shared_store: Path) -> None:
    kills, clients, gaps = 6, 4, []
    with running(shared_store, workers=2, log_level="warning") as server:
        with asking(server.url, "/predict", PAIR, clients=clients) as asked:
            for number in range(kills):
                # After some seconds, metrics count no dead one.
                time.sleep(ALIVE_SECONDS if number else 0)
                wait_until(lambda: all_are_ready(server.url), seconds=60)
                more, lost = len(asked.answers) + 100, len(asked.lost)
                start = time.monotonic()
                os.kill(server.workers()[number % 2], signal.SIGKILL)
                wait_until(partial(has_answers, asked, more))
                gaps.append(time.monotonic() - start)
                assert len(asked.lost) - lost <= clients
        assert {answer.status_code for answer in asked.answers} == {200}
        server.process.terminate()
        output, _ = server.process.communicate(timeout=10)
    assert output.count("was sent SIGKILL!") == kills
    assert server.process.returncode == 0
    report(
        "workers killed by SIGKILL",
        kills=kills,
        requests=f"{len(asked.answers):,}",
        lost=f"{len(asked.lost)} of at most {kills * clients}",
        longest_until_100_more_answers=f"{max(gaps):.2f} s",
    )


def test_stuck_worker_is_replaced(shared_store: Path) -> None:
    with running(shared_store, workers=2, log_level="warning") as server:
        wait_until(lambda: all_are_ready(server.url))
        stuck, other = server.workers()
        os.kill(stuck, signal.SIGSTOP)
        start = time.monotonic()
        wait_until(lambda: replaced(server, stuck), seconds=TIMEOUT_SECONDS + 30)
        assert time.monotonic() - start > TIMEOUT_SECONDS - 5
        assert other in server.workers()
        wait_until(lambda: all_are_ready(server.url))
        server.process.terminate()
        output, _ = server.process.communicate(timeout=10)
    assert f"CRITICAL gunicorn.error WORKER TIMEOUT (pid:{stuck})" in output
    assert server.process.returncode == 0
    report("a worker stopped by SIGSTOP", replaced_after=f"{time.monotonic() - start:.0f} s")


def test_workers_finish_and_exit_when_their_master_is_killed(shared_store: Path) -> None:
    with running(shared_store, workers=2) as server:
        wait_until(lambda: len(server.workers()) == 2)
        workers = server.workers()
        server.process.kill()
        start = time.monotonic()
        wait_until(lambda: not any(lives(pid) for pid in workers), seconds=10)
        assert time.monotonic() - start < 5
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{server.url}/healthz")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_workers_finish_requests_in_flight_before_they_stop(
    shared_store: Path, number: signal.Signals
) -> None:
    count = 20_000
    batch = json.dumps({"user_ids": [1] * count, "movie_ids": [2] * count}).encode()
    head = (
        "POST /predict/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(batch)}\r\n\r\n"
    )
    with running(shared_store, workers=2, shutdown_seconds=60) as server, ExitStack() as stack:
        server.read_until("ready on", 2)
        idle, *busy = [
            stack.enter_context(socket.create_connection(server.address(), timeout=60)) for _ in range(5)
        ]
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(idle, b'"ok"}')
        for one in busy:
            one.sendall(head.encode())
            # It is in flight: the service waits for its body.
            read_until(one, b"100 Continue\r\n\r\n")
        server.process.send_signal(number)
        # Idle connections are closed at once, and not after their timeout.
        assert idle.recv(10_000) == b""
        for one in busy:
            one.sendall(batch)
        for one in busy:
            answer = read_until(one)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["ratings"]) == count
        _, errors = server.process.communicate(timeout=60)
    assert server.process.returncode == 0
    assert errors == ""


@pytest.mark.parametrize("kill", [os.killpg, os.kill], ids=["from the keyboard", "to the master"])
def test_second_interrupt_stops_without_waiting(shared_store: Path, kill: Callable[[int, int], None]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running(shared_store, workers=2, shutdown_seconds=3600))
        busy = stack.enter_context(socket.create_connection(server.address(), timeout=60))
        busy.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n")
        busy.sendall(b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n")
        read_until(busy, b"100 Continue\r\n\r\n")
        kill(server.process.pid, signal.SIGINT)
        time.sleep(0.5)
        assert server.process.poll() is None
        kill(server.process.pid, signal.SIGINT)
        start = time.monotonic()
        _, errors = server.process.communicate(timeout=60)
        assert time.monotonic() - start < 2
    assert server.process.returncode == 0
    assert errors == ""


def test_error_that_only_a_worker_finds_is_one_line(
    shared_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The master never runs this engine, so only workers see that it cannot run.
    monkeypatch.setenv("KERAS_BACKEND", "nope")
    process = command(shared_store, port=free_port(), workers=3, engine="keras")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("cannot start: ") and errors.count("\n") == 1
    assert "keras" in errors
    assert "ready on" not in output


def test_worker_that_starts_later_has_the_keys_of_the_start(shared_store: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a-key-of-some-length\n")
    keys.chmod(0o600)
    headers = {"Authorization": "Bearer a-key-of-some-length"}
    with running(shared_store, workers=2, api_keys_file=keys, log_level="error") as server:
        wait_until(lambda: len(server.workers()) == 2)
        killed = server.workers()
        keys.write_text("short\n")
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
            wait_until(partial(replaced, server, pid))
        for _ in range(5):
            assert httpx2.get(f"{server.url}{URL}", headers=headers).status_code == 200
            assert httpx2.get(f"{server.url}{URL}").status_code == 401
        server.process.terminate()
        _, errors = server.process.communicate(timeout=10)
    assert server.process.returncode == 0
    assert errors == ""


def test_unexpected_error_of_a_reload_in_the_master_is_logged_with_its_traceback(
    shared_store: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    program = ("tests.reliability.exiting_workers", "3", str(broken))
    with running(shared_store, program, workers=2, log_level="error") as server:
        wait_until(lambda: all_are_ready(server.url))
        workers = server.workers()
        broken.touch()
        server.process.send_signal(signal.SIGHUP)
        server.read_until("reload refused, the previous models stay in service")
        server.read_until("Traceback")
        server.read_until("RuntimeError: a bug")
        assert httpx2.get(f"{server.url}{URL}").status_code == 200
        assert server.workers() == workers


@pytest.mark.parametrize("code", [3, 4])
def test_no_exit_code_of_a_worker_ends_the_others(shared_store: Path, tmp_path: Path, code: int) -> None:
    broken = tmp_path / "broken"
    program = ("tests.reliability.exiting_workers", str(code), str(broken))
    with running(shared_store, program, workers=2, log_level="error") as server:
        wait_until(lambda: len(server.workers()) == 2)
        kept, killed = server.workers()
        broken.touch()
        os.kill(killed, signal.SIGKILL)
        server.read_until(f"exited with code {code}.", 3)
        assert kept in server.workers()
        assert httpx2.get(f"{server.url}{URL}").status_code == 200
        broken.unlink()
        wait_until(lambda: replaced(server, killed))
        wait_until(lambda: all_are_ready(server.url))
        server.process.terminate()
        server.process.communicate(timeout=10)
    assert server.process.returncode == 0


def test_first_worker_that_cannot_start_ends_the_service(shared_store: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    program = ("tests.reliability.exiting_workers", "7", str(broken))
    process = command(shared_store, program, port=free_port(), workers=3)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output.count("exited with code 7") == 1


def test_sigterm_stops_the_service_while_workers_start(shared_store: Path) -> None:
    process = command(shared_store, port=free_port(), workers=2)
    assert process.stdout is not None
    while "starting 2 workers" not in process.stdout.readline():
        pass
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_unsupported_signals_of_gunicorn_have_no_effect(shared_store: Path) -> None:
    with running(shared_store, workers=2, log_level="error") as server:
        wait_until(lambda: all_are_ready(server.url))
        workers = server.workers()
        numbers = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH)
        for number in numbers:
            server.process.send_signal(number)
        # Signals are handled in order, so the effect of this one comes after theirs.
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: scrape(httpx2.get, server.url)("stars_reloads_total", outcome="ok") == 2)
        assert server.workers() == workers


@pytest.mark.parametrize("engine", ["table", "keras"])
def test_threads_and_tensorflow_start_only_in_the_workers(shared_store: Path, engine: str) -> None:
    with running(shared_store, workers=2, engine=engine, traces=True) as server:
        server.read_until("ready on", 2)
        tasks, maps = (Path(f"/proc/{server.process.pid}/{name}") for name in ("task", "maps"))
        # The log has a thread, which stops before a fork and starts again after it.
        assert len(list(tasks.iterdir())) == 2
        assert "tensorflow" not in maps.read_text()
        worker = server.workers()[0]
        # The exporter of traces has one too.
        assert len(list(Path(f"/proc/{worker}/task").iterdir())) > 2
        assert ("tensorflow" in Path(f"/proc/{worker}/maps").read_text()) == (engine == "keras")
        # Matrices, which may be multiplied by threads, too.
        ratings = [{"movie_id": movie, "rating": 4} for movie in range(1, 20)]
        for _ in range(4):
            answer = httpx2.post(f"{server.url}/predict/new-user", json={"ratings": ratings}, timeout=60)
            assert answer.status_code == 200


def test_metrics_cover_all_workers_and_no_counter_falls(shared_store: Path, tmp_path: Path) -> None:
    def answered() -> float:
        return scrape(httpx2.get, server.url)(
            "stars_http_requests_total", route="/predict", method="GET", status="200"
        )

    def started() -> dict[str, float]:
        families = scrape(httpx2.get, server.url).families
        (family,) = [family for family in families if family.name == "process_start_time_seconds"]
        return {sample.labels["worker"]: sample.value for sample in family.samples}

    with running(shared_store, workers=2, log_level="warning") as server:
        wait_until(lambda: all_are_ready(server.url))
        for kill in range(3):
            for _ in range(20):
                assert httpx2.get(f"{server.url}{URL}").status_code == 200
            # Workers share their counts four times a second.
            wait_until(lambda: answered() == 20 * (kill + 1))  # noqa: B023
            time.sleep(1)
            before, killed = started(), server.workers()[kill % 2]
            os.kill(killed, signal.SIGTERM if kill == 1 else signal.SIGKILL)
            least = 20 * (kill + 1)
            while not replaced(server, killed):
                assert answered() >= least
            wait_until(lambda: all_are_ready(server.url) and started() != before)  # noqa: B023
            assert started().keys() == {"0", "1"}
            assert answered() == least


@pytest.mark.parametrize("workers", [1, 2])
def test_next_start_removes_what_a_killed_service_left(
    shared_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running(shared_store, workers=2, log_level="warning") as beside:
        (kept,) = tmp_path.iterdir()
        with running(shared_store, workers=2, log_level="warning"):
            assert len(list(tmp_path.iterdir())) == 2
        assert len(list(tmp_path.iterdir())) == 2
        with running(shared_store, workers=workers, log_level="warning"):
            present = list(tmp_path.iterdir())
            assert kept in present and len(present) == workers
            wait_until(lambda: all_are_ready(beside.url))
            for _ in range(20):
                assert httpx2.get(f"{beside.url}{URL}").status_code == 200
            wait_until(
                lambda: (
                    scrape(httpx2.get, beside.url)(
                        "stars_http_requests_total", route="/predict", method="GET", status="200"
                    )
                    == 20
                )
            )
        beside.process.terminate()
        beside.process.communicate(timeout=10)
        assert not kept.exists()


def test_folder_of_workers_that_outlive_their_master_is_kept(
    shared_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running(shared_store, workers=2, log_level="warning", shutdown_seconds=60) as server:
        (folder,) = tmp_path.iterdir()
        wait_until(lambda: all_are_ready(server.url))
        workers = server.workers()
        # A request without its body keeps the worker that has it.
        with socket.create_connection(server.address(), timeout=30) as connection:
            head = b"POST /predict/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            connection.sendall(head + b"Content-Length: 99\r\nExpect: 100-continue\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
            server.process.kill()
            server.process.wait(10)
            wait_until(lambda: sum(map(lives, workers)) == 1)
            with running(shared_store, log_level="warning"):
                assert folder.exists()
        wait_until(lambda: not any(map(lives, workers)))
        with running(shared_store, log_level="warning"):
            assert not folder.exists()
