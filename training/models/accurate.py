"""`accurate`: as good as its teacher in the bytes of the published memory-efficient model."""

from __future__ import annotations

from typing import Final

from training.distillation.settings import Blend, DistilledModel, StudentSettings

ACCURATE: Final = DistilledModel(
    name="accurate",
    description="Distilled from everything to 8 bits a value, under 471,872 bytes.",
    blend=Blend(members=("ordinal", "gaussian", "auto_encoder")),
    student=StudentSettings(rank=40, max_bytes=471_872, blocks=6, float_rounds=2, packed_rounds=1),
)
"""At most 471,872 bytes, those of `memory_efficient` in float32."""
