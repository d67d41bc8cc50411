"""The limits of the distilled models for data of any size."""

from __future__ import annotations

import pytest

from training.distillation.named import COMPACT, DISTILLED, TINY, with_limits_for
from training.distillation.student.packing import student_blocks
from training.errors import SettingsError


def test_limits_grow_in_proportion_to_the_ids_beyond_thirty_thousand() -> None:
    for model in DISTILLED.values():
        assert with_limits_for(model, 30_000) == model
    grown = with_limits_for(COMPACT, 284_000)
    assert grown.name == "compact" and grown.student.rank == COMPACT.student.rank
    # 284,000 / 30,000 times 38,000 bytes and 117,968 parameters.
    assert (grown.student.max_bytes, grown.student.max_parameters) == (359_733, 1_116_763)
    assert "359,733 bytes" in grown.description
    assert with_limits_for(TINY, 60_000).student.max_parameters is None


def test_every_distilled_model_is_possible_for_millions_of_ids() -> None:
    with pytest.raises(SettingsError, match="smallest legal"):
        student_blocks(COMPACT.student, 2_000_000, 1_000_000)
    for model in DISTILLED.values():
        student_blocks(with_limits_for(model, 3_000_000).student, 2_000_000, 1_000_000)
