"""Schemathesis against a real server, by the server's own OpenAPI document.

It sends valid and invalid requests, alone and in sequences, and checks that there is no 5xx, that responses
have the documented status, type, headers and schema, that no invalid request is accepted and no valid one is
refused, and that methods and `Allow` are as documented.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.processes import Running, running
from tests.conftest import REPOSITORY
from tests.figures import report

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(REPOSITORY / "models_store", max_batch=1000, log_level="error") as server:
        yield server


def try_all(server: Running, folder: Path, *options: str) -> str:
    """Run Schemathesis, and return its output if it finds no failure."""
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    command += ["--config-file", str(HERE / "schemathesis.toml"), "run", f"{server.url}/openapi.json"]
    command += ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"]
    command += ["--generation-database", "none", "--no-color", "--continue-on-failure", *options]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(REPOSITORY)}
    # Schemathesis writes its findings into the working directory.
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2000:]
    return done.stdout


def cases(said: str) -> int:
    found = re.search(r"(\d+) generated, \1 passed", said)
    assert found, said
    return int(found[1])


def test_service_conforms_to_its_openapi_document(server: Running, tmp_path: Path) -> None:
    said = try_all(server, tmp_path, "--max-examples", "15", "--seed", "1")
    operations = re.search(r"Tested: (\d+)", said)
    assert operations and int(operations[1]) >= 14
    assert cases(said) > 1000


@pytest.mark.long
def test_service_conforms_to_its_openapi_document_for_long(server: Running, tmp_path: Path) -> None:
    said = try_all(server, tmp_path, "--max-examples", "1000", "--max-time", "240")
    report("OpenAPI fuzz (Schemathesis)", requests=f"{cases(said):,}", failures=0)
