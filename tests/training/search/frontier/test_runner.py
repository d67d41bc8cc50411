from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.builders import tiny_table
from training.artefact.rating_scale import RatingScale
from training.data.dataset import Dataset, make_dataset, prepare
from training.distillation.base.work_folder import WorkFolder
from training.distillation.teacher.teacher import Teacher
from training.fit.recipes import BIASED
from training.search.candidates import CandidateTrainer
from training.search.frontier.grid import QUICK, QUICK_TEACHER, Point, grid
from training.search.frontier.runner import row_key


def test_row_key_depends_on_data_seed_and_candidate(tmp_path: Path) -> None:
    dataset = make_dataset(tiny_table(), "random", 0, BIASED.validation_fraction)
    other = make_dataset(tiny_table(), "random", 1, BIASED.validation_fraction)
    # The same file, read with another rule for repeated ratings, or with another scale.
    reread, rescaled = (
        prepare(table, dataset.split)
        for table in (
            replace(tiny_table(), ratings=np.flip(tiny_table().ratings)),
            replace(tiny_table(), scale=RatingScale(0, 10)),
        )
    )

    def key(point: Point, data: Dataset, **options: Any) -> str:
        return row_key(point, CandidateTrainer(Teacher(data, WorkFolder(tmp_path), **options)))

    first, second = grid(dataset, QUICK, 0)[:2]
    last = grid(dataset, QUICK, 0)[-1]
    keys = [
        key(first, dataset),
        key(second, dataset),
        key(first, other),
        key(first, reread),
        key(first, rescaled),
        key(first, dataset, seed=1),
        key(last, dataset),
        key(last, dataset, settings=QUICK_TEACHER),
    ]
    assert len(set(keys)) == len(keys)
    assert key(first, dataset, settings=QUICK_TEACHER) == keys[0]
