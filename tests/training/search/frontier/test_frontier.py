"""The short frontier from ratings to pictures, stopped and gone on with."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from tests.builders import TINY_BASELINE, build_store, tiny_dataset, tiny_table
from training.cli.frontier_console import Request, draw_frontier
from training.distillation.base.work_folder import WorkFolder
from training.fit.recipes import BIASED
from training.publish.workflow import make_dataset
from training.search.candidates import Bench
from training.search.frontier import running
from training.search.frontier.grid import QUICK, QUICK_TEACHER, grid
from training.search.frontier.references import references
from training.search.frontier.table import read_rows


def draw(out: Path) -> str:
    said = io.StringIO()
    request = Request(
        table=tiny_table(), split="random", split_seed=0, seeds=(0,), quick=True, out=out, store=None
    )
    draw_frontier(request, Console(file=said, width=200))
    return said.getvalue()


def test_quick_frontier_ends_in_a_table_and_pictures_and_goes_on_where_it_was(tmp_path: Path) -> None:
    said = draw(tmp_path)
    rows = read_rows(tmp_path / "frontier.csv")
    assert {row.group for row in rows} == {
        *("width", "rounding", "hashing", "mixed", "distilled", "distilled_count")
    }
    assert all(0 < row.test_mse < 3 and 0 < row.validation_mse < 3 and row.parameters for row in rows)
    by_label = {row.label: row for row in rows}
    assert by_label["2 wide"].nbytes == 4 * (70 * 3 + 1)
    assert by_label["2 KB"].nbytes <= 2_000
    assert by_label["3 an id"].parameters <= 210
    assert by_label["as 2 wide, temperature 0"].test_mse == by_label["2 wide"].test_mse
    assert "biases only" in said and "★" in said
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        *("bytes.png", "frontier.csv", "frontier.html", "frontier.md", "parameters.png", "questions.png")
    ]
    page = (tmp_path / "frontier.html").read_text()
    assert "<script src" not in page and "<link" not in page

    # The last model was not finished; nothing else is made again.
    table = tmp_path / "frontier.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    assert draw(tmp_path).count("found in the table") == len(rows) - 1
    again = read_rows(table)
    assert [(row.label, row.test_mse) for row in again] == [(row.label, row.test_mse) for row in rows]


def test_other_data_seed_or_plan_is_another_row(tmp_path: Path) -> None:
    dataset = make_dataset(tiny_table(), "random", 0, BIASED)
    other = make_dataset(tiny_table(), "random", 1, BIASED)
    work = WorkFolder(tmp_path)
    first, second = grid(dataset, QUICK, 0)[:2]
    last = grid(dataset, QUICK, 0)[-1]
    keys = [
        running.row_key(first, Bench(dataset, work)),
        running.row_key(second, Bench(dataset, work)),
        running.row_key(first, Bench(other, work)),
        running.row_key(first, Bench(dataset, work, seed=1)),
        running.row_key(last, Bench(dataset, work)),
        running.row_key(last, Bench(dataset, work, teacher=QUICK_TEACHER)),
    ]
    assert len(set(keys)) == len(keys)
    assert running.row_key(first, Bench(dataset, work, teacher=QUICK_TEACHER)) == keys[0]


def test_only_models_of_the_same_test_rows_are_drawn_beside(tmp_path: Path) -> None:
    store = build_store(tmp_path / "store", TINY_BASELINE)
    labels = [row.label for row in references(tiny_dataset(), store)]
    assert labels == ["global mean", "biases only", "baseline"]
    other = make_dataset(tiny_table(), "random", 5, BIASED)
    assert [row.label for row in references(other, store)] == ["global mean", "biases only"]
    assert [row.label for row in references(other, tmp_path / "nowhere")] == ["global mean", "biases only"]
