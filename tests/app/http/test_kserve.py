"""KServe's SDK calls a real server by the Open Inference Protocol.

Its pinned versions differ from those of the service, so it is installed into an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.app.processes import running
from tests.conftest import REPOSITORY

HERE = Path(__file__).resolve().parent
PAIRS = {
    "user_ids": ["user_1", "user_2", "nobody"],
    "movie_ids": [1193, 661, 1193],
    "model": "compact",
    "on_unknown": "fallback",
}


@pytest.mark.long
@pytest.mark.nightly
def test_sdk_gets_the_ratings_of_a_batch(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path)], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]
    subprocess.run([str(python), *install, str(HERE / "kserve.txt")], check=True)
    with running(REPOSITORY / "models_store") as server:
        done = subprocess.run(
            [str(python), str(HERE / "kserve_client.py"), server.url],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        ratings = httpx2.post(f"{server.url}/predict/batch", json=PAIRS).json()["ratings"]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["live"], found["ready"], found["models"]) == (True, True, [True, False])
    for form in ("binary", "json"):
        assert found[form]["rating"] == pytest.approx(ratings, abs=1e-6)
        assert found[form]["known_user"] == [True, True, False]
    assert "unknown_model: " in found["error"]
