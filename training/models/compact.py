"""`compact`: within two limits at once, and the best value for its bytes."""

from __future__ import annotations

from typing import Final

from training.distillation.settings import Blend, DistilledModel, StudentSettings

COMPACT: Final = DistilledModel(
    name="compact",
    description="Distilled to under 38,000 bytes, and to no more parameters than memory_efficient has.",
    blend=Blend(members=("ordinal", "gaussian")),
    student=StudentSettings(rank=14, max_bytes=38_000, max_parameters=117_968),
)
"""At most 38,000 bytes and at most 117,968 parameters, those of `memory_efficient`.

One model keeps both limits, so there is no need for two: at two to three bits a value, 38,000 bytes hold
about as many values as `memory_efficient` has.
"""
