from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.distillation.base.work_folder import open_work_folder
from training.errors import TrainingError


class CountedStep:
    """A step that counts how often it is computed."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        self.calls += 1
        (folder / "large").write_text("large")
        return {"numbers": np.arange(3)}, {"call": self.calls}


def test_finished_step_is_not_computed_again(tmp_path: Path) -> None:
    make = CountedStep()
    with open_work_folder(tmp_path / "work") as work:
        work.step("one", {"seed": 0}, make)
    with open_work_folder(tmp_path / "work") as work:
        again = work.step("one", {"seed": 0}, make)
        assert make.calls == 1
        work.step("one", {"seed": 1}, make)
    assert make.calls == 2
    assert again.arrays["numbers"].tolist() == [0, 1, 2]
    assert again.notes == {"call": 1}
    assert (again.folder / "large").read_text() == "large"


def test_failed_step_leaves_no_files(tmp_path: Path) -> None:
    def fail(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        (folder / "large").write_text("half")
        raise KeyboardInterrupt

    with open_work_folder(tmp_path) as work, pytest.raises(KeyboardInterrupt):
        work.step("one", {}, fail)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_unfinished_folders_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-one-x").mkdir()
    with open_work_folder(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_unreadable_step_is_computed_again(tmp_path: Path) -> None:
    make = CountedStep()
    with open_work_folder(tmp_path) as work:
        folder = work.step("one", {}, make).folder
        (folder / "arrays.npz").write_bytes(b"PK")
        work.step("one", {}, make)
        assert make.calls == 2
        work.step("one", {}, make)
        assert make.calls == 2


def test_work_folder_rejects_a_second_concurrent_run(tmp_path: Path) -> None:
    with (
        open_work_folder(tmp_path),
        pytest.raises(TrainingError, match="another run is using this work folder"),
        open_work_folder(tmp_path),
    ):
        pass


def test_work_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot be used"), open_work_folder(tmp_path / "file"):
        pass
