"""The wheel: built and installed without a network, in an environment that has only its dependencies."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.app.processes import free_port, wait_until_ready
from tests.builders import tiny_file
from tests.conftest import REPOSITORY
from tests.shared import made_once

pytestmark = pytest.mark.long

SHIPPED = REPOSITORY / "models_store"
SOURCES = ("app", "training", "stars.py", "pyproject.toml", "README.md", "LICENSE")


def _pip(*arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        check=True,
        capture_output=True,
        timeout=300,
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""

    def make(folder: Path) -> None:
        source = folder / "source"
        for name in SOURCES:
            there = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            there(REPOSITORY / name, source / name)
        _pip("wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)

    (built,) = made_once(tmp_path_factory, "wheel", make).glob("*.whl")
    return built


def _install(environment: Path, *what: str | Path, dependencies: bool = True) -> Path:
    """Install a package into a new environment, and return its command.

    Its dependencies are those of the environment that runs the tests.
    """
    venv.create(environment, symlinks=True)
    if dependencies:
        (site,) = environment.glob("lib/python*/site-packages")
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    options = ("install", "--no-index", "--no-deps", "--no-build-isolation")
    _pip("--python", environment / "bin" / "python", *options, *what)
    return environment / "bin" / "stars"


@pytest.fixture(scope="session")
def stars(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command."""
    return _install(tmp_path_factory.mktemp("installed") / "venv", wheel)


def _run(
    command: Path, *arguments: str | Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, *arguments],
        cwd=cwd,
        env=_environment(variables),
        capture_output=True,
        text=True,
        timeout=300,
    )


def _environment(variables: dict[str, str]) -> dict[str, str]:
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RATINGS_", "STARS_", "PYTHON"))
    }
    return ours | variables


@contextlib.contextmanager
def _serving(command: Path, *arguments: str | Path, cwd: Path, **variables: str) -> Iterator[httpx2.Client]:
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [command, "serve", *arguments, "--port", url.rpartition(":")[2]],
        cwd=cwd,
        env=_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until_ready(process, url)
        with httpx2.Client(base_url=url, timeout=30) as client:
            yield client
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _shadow(folder: Path) -> None:
    """Put other packages of our packages' names into a folder."""
    (folder / "app").mkdir()
    (folder / "app" / "__init__.py").write_text("raise ImportError('another app')\n")
    (folder / "training.py").write_text("raise ImportError('another training')\n")


def test_installed_service_has_its_page_and_answers(stars: Path, tmp_path: Path) -> None:
    with _serving(stars, "--store", SHIPPED, cwd=tmp_path) as client:
        page = client.get("/")
        assert page.status_code == 200
        links = re.findall(r'(?:src|href)="([^#"]+)"', page.text)
        assert len(links) >= 3
        web = REPOSITORY / "app" / "web"
        scripts = [f"page/{path.relative_to(web).as_posix()}" for path in web.rglob("*.js")]
        for address in [*links, *scripts, "page/chart.js", "docs", "openapi.json", "metrics", "models"]:
            assert client.get(address).status_code == 200, address
        answer = client.post("/predict", json={"user_id": 1, "movie_id": 1193})
        assert answer.json()["rating"] > 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_other_packages_of_the_same_names_do_not_matter(stars: Path, tmp_path: Path, workers: str) -> None:
    _shadow(tmp_path)
    with _serving(stars, "--store", SHIPPED, cwd=tmp_path, RATINGS_WORKERS=workers, PYTHONPATH=".") as client:
        assert client.get("/predict?user_id=1&movie_id=1193").status_code == 200
    assert _run(stars, "--help", cwd=tmp_path, PYTHONPATH=".").returncode == 0


def test_import_past_other_packages_of_the_same_names(stars: Path, tmp_path: Path) -> None:
    _shadow(tmp_path)
    (tmp_path / "script.py").write_text("import app, training\n")
    python = stars.with_name("python")
    assert "another app" in _run(python, "script.py", cwd=tmp_path).stderr
    done = _run(python, "-P", "script.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert _run(python, "script.py", cwd=tmp_path, PYTHONSAFEPATH="1").returncode == 0


def test_model_of_an_own_file_is_served_by_the_next_command(stars: Path, tmp_path: Path) -> None:
    file = tiny_file(tmp_path)
    fitted = _run(stars, "fit", "baseline", "--epochs", "1", "--data", file, cwd=tmp_path)
    assert fitted.returncode == 0, fitted.stderr
    assert "serve it: stars serve --store store" in fitted.stdout
    with _serving(stars, cwd=tmp_path) as client:
        assert client.get("/models").json()["default"] == "baseline"


def test_serving_without_a_store_says_in_one_line_how_to_get_one(stars: Path, tmp_path: Path) -> None:
    done = _run(stars, "serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("cannot start: store: there is no models store; train one")
    assert "`stars fit --data" in line
    assert "`stars serve --store" in line


def test_training_without_data_says_where_to_get_some(stars: Path, tmp_path: Path) -> None:
    done = _run(stars, "fit", "baseline", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "--data" in line
    assert "`download ml-latest-small`" in line


def test_help_lists_serving_and_training(stars: Path, tmp_path: Path) -> None:
    listed = _run(stars, "--help", cwd=tmp_path).stdout
    assert "Usage: stars " in listed
    assert all(command in listed for command in ("serve", "fit", "inspect"))
    assert "--store" in _run(stars, "serve", "--help", cwd=tmp_path).stdout


def test_missing_extra_is_named(wheel: Path, tmp_path: Path) -> None:
    done = _run(_install(tmp_path / "bare", wheel, dependencies=False), "fit", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "training needs the package" in line
    assert "[train]" in line
    assert line.endswith("`stars serve` works without it")


def test_package_is_installed_in_place(wheel: Path, tmp_path: Path) -> None:
    sources = wheel.parent / "source"
    command = _install(tmp_path / "venv", "--editable", sources)
    python = command.with_name("python")
    done = _run(python, "-c", "import app, training; print(training.__file__)", cwd=tmp_path)
    assert done.stdout.strip() == str(sources / "training" / "__init__.py"), done.stderr
    assert _run(command, "serve", "--help", cwd=tmp_path).returncode == 0


def test_wheel_has_neither_models_nor_data_nor_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        roots = {name.partition("/")[0] for name in archive.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"app", "training", "stars.py"}
