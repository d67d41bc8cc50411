"""A file is there whole or as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.artefact.replacing import replacing


def test_what_was_written_takes_the_place(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with replacing(tmp_path / "table.csv") as unfinished:
        unfinished.write_text("new")
        assert unfinished.suffix == ".csv"
        assert (tmp_path / "table.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "new"


def test_two_who_write_at_once_do_not_mix(tmp_path: Path) -> None:
    with replacing(tmp_path / "table.csv") as first, replacing(tmp_path / "table.csv") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "table.csv").read_text() == "first"


def test_others_may_read_what_they_might_before(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    with replacing(tmp_path / "table.csv"):
        pass
    assert (tmp_path / "table.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with pytest.raises(OSError, match="no room"):
        _write_half(tmp_path / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "old"


def _write_half(path: Path) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text("ne")
        raise OSError("no room")
