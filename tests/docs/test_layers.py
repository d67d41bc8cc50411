"""The code of docs/layers.md runs, and does what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tools.documents import run_python


@pytest.mark.long
def test_layers_work_in_a_model_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_python(REPOSITORY / "docs" / "layers.md")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "3200 17792"
    assert printed[-1] == "True"
    full, packed = map(float, printed[-2].split())
    assert packed == pytest.approx(full, rel=0.05)
    assert names["packed"].nbytes < names["songs"].count_params()
