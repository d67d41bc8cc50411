"""The quick frontier from ratings to charts, interrupted and resumed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.builders import tiny_file
from training.cli.app import app
from training.publish.options import DataOptions
from training.publish.workflow import draw_frontier
from training.search.frontier.table import read_rows


@pytest.mark.long
def test_quick_frontier_writes_table_and_charts_and_resumes(tmp_path: Path) -> None:
    file, out = tiny_file(tmp_path), tmp_path / "out"
    lines, page = draw_frontier(DataOptions(file), out=out, store=None, quick=True)
    rows = read_rows(out / "frontier.csv")
    assert {row.group for row in rows} == {
        *("width", "variational", "rounding", "hashing", "mixed", "distilled", "distilled_count")
    }
    assert all(0 < row.test_mse < 3 and 0 < row.validation_mse < 3 and row.parameters for row in rows)
    by_label = {row.label: row for row in rows}
    assert by_label["2 wide"].nbytes == 4 * (70 * 3 + 1)
    assert by_label["2 KB"].nbytes <= 2_000
    assert by_label["3 an id"].parameters <= 210
    assert by_label["as 2 wide, temperature 0"].test_mse == by_label["2 wide"].test_mse
    assert list(lines["label"])[:2] == ["global mean", "biases only"]
    assert "★" in (out / "frontier.md").read_text()
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == [
        *("bytes.png", "frontier.csv", "frontier.html", "frontier.md", "parameters.png", "questions.png")
    ]
    text = page.read_text()
    assert "<script src" not in text and "<link" not in text

    # The last model was not finished; no other model is trained again.
    table = out / "frontier.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    command = ["frontier", "--quick", "--data", str(file), "--out", str(out), "--store", str(tmp_path)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.count("found in the table") == len(rows) - 1
    assert "global" in done.stdout and "★" in done.stdout
    again = read_rows(table)
    assert [(row.label, row.test_mse) for row in again] == [(row.label, row.test_mse) for row in rows]
