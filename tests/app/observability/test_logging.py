"""The log: one line per event, as text or JSON, without ids of users."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.observability.logging import JSONFormatter, RequestLine, RequestRecord, TextFormatter
from tests.app.processes import running
from tests.conftest import REPOSITORY


def _output(store: Path, **settings: object) -> list[str]:
    """Return the log lines of a real process about a few requests with ids of users."""
    with running(store, **settings) as server:
        headers = {"X-Request-ID": "mine-1"}
        with httpx2.Client(base_url=server.url, headers=headers, timeout=60) as client:
            client.post("/predict", json={"user_id": "user_1", "movie_id": "movie_1"})
            client.get("/predict?user_id=user_2&movie_id=movie_1")
            client.post("/predict", json={"user_id": "user_nobody", "movie_id": "movie_1"})
            client.get('/a"b%0Ac\\d?user_id=user_3')
        server.process.send_signal(signal.SIGTERM)
        output, errors = server.process.communicate(timeout=60)
    assert errors == ""
    assert "user_" not in output
    return output.splitlines()


def test_json_lines_have_the_fields_of_a_request(shared_store: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    lines = [json.loads(line) for line in _output(shared_store, log_format="json")]
    for line in lines:
        assert before < datetime.fromisoformat(line["time"]) <= datetime.now(UTC)
        assert line["level"] in ("info", "warning") and line["logger"].startswith("app")
    assert [line for line in lines if line.get("message", "").startswith("ready on http://127.0.0.1:")]
    requests = [line for line in lines if line.get("request_id") == "mine-1"]
    assert [(line["method"], line["path"], line["status"]) for line in requests] == [
        ("POST", "/predict", 200),
        ("GET", "/predict", 200),
        ("POST", "/predict", 404),
        ("GET", "/a%22b%0Ac\\d", 404),
    ]
    for line in requests:
        assert line["logger"] == "app.access" and 0 < line["milliseconds"] < 60_000
        assert set(line) == {
            *("time", "level", "logger", "method", "path", "status", "milliseconds"),
            "request_id",
        }


def test_text_lines_have_the_fields_of_a_request(shared_store: Path) -> None:
    lines = _output(shared_store)
    requests = [line for line in lines if line.endswith(" mine-1")]
    assert len(requests) == 4
    assert " INFO app.access POST /predict 200 " in requests[0] and " ms mine-1" in requests[0]


def test_requests_are_not_logged_above_level_info(shared_store: Path) -> None:
    assert _output(shared_store, log_level="warning") == []


def _formatted(record: logging.LogRecord) -> Any:
    return json.loads(JSONFormatter().format(record))


def test_an_exception_is_one_line() -> None:
    try:
        raise ValueError("bad\nthing")
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "no %s", ("good",), sys.exc_info())
    line = _formatted(record)
    assert (line["message"], line["level"]) == ("no good", "error")
    assert "ValueError: bad\nthing" in line["exception"]
    assert "\n" not in JSONFormatter().format(record)


def test_surrogates_in_a_message_are_escaped() -> None:
    assert _formatted(logging.LogRecord("a", logging.INFO, "", 0, "\ud800", (), None))["message"] == "\\ud800"


def test_time_is_utc_with_milliseconds() -> None:
    record = RequestRecord(RequestLine("GET", "/x", 200, 1.23456, "id"))
    record.created, record.msecs = 1767225600.007, 7.0
    assert _formatted(record) == {
        "time": "2026-01-01T00:00:00.007Z",
        "level": "info",
        "logger": "app.access",
        "method": "GET",
        "path": "/x",
        "status": 200,
        "milliseconds": 1.235,
        "request_id": "id",
    }
    assert TextFormatter().format(record).endswith(" INFO app.access GET /x 200 1.2 ms id")


def test_other_handlers_can_write_the_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "app.access"):
        logging.getLogger("app.access").handle(RequestRecord(RequestLine("GET", "/x", 200, 1.2, "id")))
    assert caplog.messages == ["GET /x 200 1.2 ms id"]
    assert "GET /x 200" in caplog.text


def _script(text: str) -> subprocess.Popen[str]:
    """A process that logs as the service does, and whose output nobody reads yet."""
    begin = "import logging, os, sys, time; from app.observability.logging import start_logging"
    script = f"{begin}\nlogger = logging.getLogger('app.test'); start_logging('info')\n{text}"
    return subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def test_process_and_its_fork_write_their_own_lines() -> None:
    with _script(
        "logger.info('before')\n"
        "child = os.fork()\n"
        "logger.info('parent' if child else 'child')\n"
        "if child: os.waitpid(child, 0)"
    ) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert sorted(line.rpartition(" ")[2] for line in lines) == ["before", "child", "parent"]
    assert process.returncode == 0


def test_blocked_reader_delays_neither_a_fork_nor_the_exit() -> None:
    with _script(
        "for number in range(10_000): logger.info('a line of the log %d', number)\n"
        "child = os.fork()\n"
        "if child: sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    ) as process:
        assert process.wait(60) == 0
        assert process.stdout is not None
        assert "a line of the log 0" in process.stdout.readline()


def test_long_and_last_lines_are_written_completely() -> None:
    with _script(
        "logger.info('x' * 100_000); logger.info('é'); logger.info('last'); logging.shutdown(); os._exit(0)"
    ) as process:
        assert process.stdout is not None
        first, *rest = process.stdout.read().splitlines()
    assert first.endswith("x" * 100_000) and len(rest) == 2
    assert rest[1].endswith(" last")
