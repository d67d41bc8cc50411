from __future__ import annotations

from pathlib import Path

from tests.builders import tiny_table
from training.data.dataset import make_dataset
from training.distillation.base.work_folder import WorkFolder
from training.fit.recipes import BIASED
from training.search.candidates import CandidateTrainer
from training.search.frontier.grid import QUICK, QUICK_TEACHER, grid
from training.search.frontier.runner import row_key


def test_row_key_depends_on_data_seed_and_candidate(tmp_path: Path) -> None:
    dataset = make_dataset(tiny_table(), "random", 0, BIASED.validation_fraction)
    other = make_dataset(tiny_table(), "random", 1, BIASED.validation_fraction)
    work = WorkFolder(tmp_path)
    first, second = grid(dataset, QUICK, 0)[:2]
    last = grid(dataset, QUICK, 0)[-1]
    keys = [
        row_key(first, CandidateTrainer(dataset, work)),
        row_key(second, CandidateTrainer(dataset, work)),
        row_key(first, CandidateTrainer(other, work)),
        row_key(first, CandidateTrainer(dataset, work, seed=1)),
        row_key(last, CandidateTrainer(dataset, work)),
        row_key(last, CandidateTrainer(dataset, work, teacher=QUICK_TEACHER)),
    ]
    assert len(set(keys)) == len(keys)
    assert row_key(first, CandidateTrainer(dataset, work, teacher=QUICK_TEACHER)) == keys[0]
