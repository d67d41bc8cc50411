"""`python -m training` before any command runs."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import REPOSITORY


def test_a_missing_package_is_one_line() -> None:
    # Without site-packages, as in an environment that has only the packages of the service.
    command = [sys.executable, "-S", "-m", "training", "fit"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: training needs the package 'typer', which is not installed")
    assert "`make setup`" in line and "whl[train]" in line
