"""The short frontier from ratings to pictures, stopped and gone on with."""

from __future__ import annotations

from pathlib import Path

from tests.builders import TINY_BASELINE, build_store, tiny_dataset, tiny_file, tiny_table
from training.data.dataset import make_dataset
from training.distillation.base.work_folder import WorkFolder
from training.fit.recipes import BIASED
from training.publish.options import DataOptions
from training.publish.progress import Progress
from training.publish.workflow import draw_frontier
from training.search.candidates import CandidateTrainer
from training.search.frontier import running
from training.search.frontier.grid import QUICK, QUICK_TEACHER, grid
from training.search.frontier.references import references
from training.search.frontier.table import Row, read_rows


class Remarks(Progress):
    """Remembers what was remarked on each model."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def on_point(self, done: int, total: int, seed: int, row: Row | None, remark: str) -> None:
        self.remarks.append(remark)


def draw(folder: Path) -> tuple[list[str], Path, list[str]]:
    progress = Remarks()
    data = DataOptions(tiny_file(folder))
    lines, page = draw_frontier(data, out=folder / "out", store=None, quick=True, progress=progress)
    return list(lines["label"]), page, progress.remarks


def test_quick_frontier_ends_in_a_table_and_pictures_and_goes_on_where_it_was(tmp_path: Path) -> None:
    labels, page, _ = draw(tmp_path)
    out = tmp_path / "out"
    rows = read_rows(out / "frontier.csv")
    assert {row.group for row in rows} == {
        *("width", "rounding", "hashing", "mixed", "distilled", "distilled_count")
    }
    assert all(0 < row.test_mse < 3 and 0 < row.validation_mse < 3 and row.parameters for row in rows)
    by_label = {row.label: row for row in rows}
    assert by_label["2 wide"].nbytes == 4 * (70 * 3 + 1)
    assert by_label["2 KB"].nbytes <= 2_000
    assert by_label["3 an id"].parameters <= 210
    assert by_label["as 2 wide, temperature 0"].test_mse == by_label["2 wide"].test_mse
    assert labels[:2] == ["global mean", "biases only"]
    assert "★" in (out / "frontier.md").read_text()
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == [
        *("bytes.png", "frontier.csv", "frontier.html", "frontier.md", "parameters.png", "questions.png")
    ]
    text = page.read_text()
    assert "<script src" not in text and "<link" not in text

    # The last model was not finished; nothing else is made again.
    table = out / "frontier.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    *_, remarks = draw(tmp_path)
    assert remarks.count("found in the table") == len(rows) - 1
    again = read_rows(table)
    assert [(row.label, row.test_mse) for row in again] == [(row.label, row.test_mse) for row in rows]


def test_other_data_seed_or_plan_is_another_row(tmp_path: Path) -> None:
    dataset = make_dataset(tiny_table(), "random", 0, BIASED.validation_fraction)
    other = make_dataset(tiny_table(), "random", 1, BIASED.validation_fraction)
    work = WorkFolder(tmp_path)
    first, second = grid(dataset, QUICK, 0)[:2]
    last = grid(dataset, QUICK, 0)[-1]
    keys = [
        running.row_key(first, CandidateTrainer(dataset, work)),
        running.row_key(second, CandidateTrainer(dataset, work)),
        running.row_key(first, CandidateTrainer(other, work)),
        running.row_key(first, CandidateTrainer(dataset, work, seed=1)),
        running.row_key(last, CandidateTrainer(dataset, work)),
        running.row_key(last, CandidateTrainer(dataset, work, teacher=QUICK_TEACHER)),
    ]
    assert len(set(keys)) == len(keys)
    assert running.row_key(first, CandidateTrainer(dataset, work, teacher=QUICK_TEACHER)) == keys[0]


def test_only_models_of_the_same_test_rows_are_drawn_beside(tmp_path: Path) -> None:
    store = build_store(tmp_path / "store", TINY_BASELINE)
    labels = [row.label for row in references(tiny_dataset(), store)]
    assert labels == ["global mean", "biases only", "baseline"]
    other = make_dataset(tiny_table(), "random", 5, BIASED.validation_fraction)
    assert [row.label for row in references(other, store)] == ["global mean", "biases only"]
    assert [row.label for row in references(other, tmp_path / "nowhere")] == ["global mean", "biases only"]
