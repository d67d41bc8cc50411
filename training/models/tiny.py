"""`tiny`: a hundred times smaller than the baseline, and better."""

from __future__ import annotations

from typing import Final

from training.distillation.settings import Blend, DistilledModel, StudentSettings

TINY: Final = DistilledModel(
    name="tiny",
    description="Distilled to under 24,950 bytes, a hundredth of the baseline's.",
    blend=Blend(members=("ordinal", "gaussian")),
    student=StudentSettings(rank=10, max_bytes=24_950),
)
"""At most 24,950 bytes: tables, steps, bit widths and the global bias."""
