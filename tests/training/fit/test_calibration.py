"""What the intervals around predictions cover."""

from __future__ import annotations

import numpy as np
import pytest

from training.artefact.uncertainty import CLASSES, FIFTHS, Spreads, Uncertainty
from training.fit.calibration import coverage_of_rows


def test_coverage_and_width_are_those_worked_out_by_hand() -> None:
    """Predictions of 3 with scale 1: a rating is at most 1, 2, 3, 4 with 0.119, 0.269, 0.731, 0.881."""
    zeros = np.zeros(CLASSES)
    levels, cuts = np.arange(1.0, 6.0), np.array([-2.0, -1.0, 1.0, 2.0])
    spreads = Spreads(levels, cuts, zeros, zeros, np.zeros(FIFTHS), np.zeros(3))
    uncertainty = Uncertainty(spreads, np.zeros(2, np.uint8), np.zeros(2, np.uint8))
    pair = np.array([0, 1, 0, -1], np.int32), np.array([0, 1, -1, -1], np.int32)
    found = coverage_of_rows(
        uncertainty, *pair, np.full(4, 3.0), np.array([2.0, 4.0, 5.0, 3.0]), (0.4, 0.5, 0.8)
    )
    # From 3 to 3, from 2 to 4, and from 1 to 5.
    assert [one.nominal for one in found] == [0.4, 0.5, 0.8]
    assert [one.observed for one in found] == pytest.approx([0.25, 0.75, 1.0])
    assert [one.width for one in found] == pytest.approx([0.0, 2.0, 4.0])
