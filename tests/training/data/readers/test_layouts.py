"""Every layout of docs/data.md is read by its command, and prints the result in the table."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.training.data.readers.samples import SAMPLES, Sample, table, written_table
from training.cli.app import app


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.like)
def test_a_layout_is_read_by_its_command(sample: Sample, tmp_path: Path) -> None:
    arguments = ["split", "--data", str(sample.write(tmp_path)), *shlex.split(sample.options)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == sample.result


def test_the_page_has_the_table() -> None:
    assert written_table() == table()
