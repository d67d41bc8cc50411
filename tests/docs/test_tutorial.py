"""The tutorial: the notebook is the page, and its code runs and gives the figures that the page states."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import REPOSITORY
from tools.notebook import NOTEBOOK, PAGE, as_text, fresh_notebook

ROW = re.compile(r"^\| ([\w ]+) \| ([\d,]*) \| ([\d,]*) \| (\d\.\d{4}) \|$", re.MULTILINE)


def test_notebook_matches_the_page() -> None:
    assert NOTEBOOK.read_text("utf-8") == as_text(fresh_notebook()), "run python -m tools.notebook"


@pytest.mark.long
@pytest.mark.nightly
def test_notebook_runs_and_gives_the_figures_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In another folder, as with an installed package.
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("RATINGS_", "STARS_"))]:
        monkeypatch.delenv(name)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    printed = "".join(
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stdout"
    )
    stated = {name: figures for name, *figures in ROW.findall(PAGE.read_text("utf-8"))}
    found = {name: figures for name, *figures in ROW.findall(printed)}
    assert stated.keys() == found.keys()
    for name, (parameters, size, mse) in found.items():
        if name != "compact":  # its search for the bits depends on rounding
            assert [parameters, size] == stated[name][:2], name
        assert float(mse) == pytest.approx(float(stated[name][2]), abs=0.02), name
