"""KServe's SDK calls a real server by the Open Inference Protocol, and knows the fields of `deploy/kserve`.

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


pytestmark = [pytest.mark.long, pytest.mark.nightly]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with the SDK."""
    folder = tmp_path_factory.mktemp("kserve")
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]
    subprocess.run([str(python), *install, str(HERE / "kserve.txt")], check=True)
    return python


def check_manifest(python: Path, path: Path) -> str:
    """Return what the models of the SDK find in a manifest: nothing if it is valid."""
    program = HERE / "kserve_models.py"
    done = subprocess.run([python, program, path], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


def test_sdk_gets_the_ratings_of_a_batch(python: Path) -> None:
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


@pytest.mark.parametrize("name", ["serving-runtime.yaml", "inference-service.yaml"])
def test_manifest_has_only_fields_of_the_sdk(name: str, python: Path) -> None:
    assert check_manifest(python, REPOSITORY / "deploy" / "kserve" / name) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("autoSelect", "autoselect"),
        ("runAsUser", "runAsUsr"),
        ("containerPort: 8080", 'containerPort: "8080"'),
        ("v1alpha1", "v1alpha2"),
    ],
)
def test_invalid_manifest_is_refused(old: str, new: str, python: Path, tmp_path: Path) -> None:
    text = (REPOSITORY / "deploy" / "kserve" / "serving-runtime.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "changed.yaml").write_text(text.replace(old, new), "utf-8")
    assert new.split(":")[0] in check_manifest(python, tmp_path / "changed.yaml").replace(
        "V1alpha2", "v1alpha2"
    )
