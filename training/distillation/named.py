"""The distilled models that `distil` makes, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from training.distillation.base.settings import (
    BayesianFactorsSettings,
    Blend,
    DistilledModel,
    StudentSettings,
    TeacherSettings,
)

ACCURATE: Final = DistilledModel(
    name="accurate",
    description="Distilled from everything to 8 bits a value, under 471,872 bytes.",
    blend=Blend(members=("ordinal", "gaussian", "auto_encoder")),
    student=StudentSettings(rank=40, max_bytes=471_872, blocks=6, float_rounds=2, packed_rounds=1),
)
"""At most the bytes of `memory_efficient` in float32."""

COMPACT: Final = DistilledModel(
    name="compact",
    description="Distilled to under 38,000 bytes, and to no more parameters than memory_efficient has.",
    blend=Blend(members=("ordinal", "gaussian")),
    student=StudentSettings(rank=14, max_bytes=38_000, max_parameters=117_968),
)
"""At most 38,000 bytes and at most 117,968 parameters, those of `memory_efficient`.

One model satisfies both limits: at two to three bits per value, 38,000 bytes hold about as many values as
`memory_efficient` has.
"""

TINY: Final = DistilledModel(
    name="tiny",
    description="Distilled to under 24,950 bytes of weights.",
    blend=Blend(members=("ordinal", "gaussian")),
    student=StudentSettings(rank=10, max_bytes=24_950),
)
"""At most 24,950 bytes: tables, steps, bit widths and the global bias."""

DISTILLED: Final[Mapping[str, DistilledModel]] = MappingProxyType(
    {model.name: model for model in (TINY, COMPACT, ACCURATE)}
)
"""The smallest first."""

MOST_IDS: Final = 30_000
"""Up to this many users and movies together, the limits of the distilled models are those above."""


def with_limits_for(model: DistilledModel, ids: int) -> DistilledModel:
    """Return a distilled model whose limits grow in proportion to the ids beyond `MOST_IDS`.

    Otherwise they would leave too little for each id: `compact` could have no model of a million ids.

    Args:
        model: One of the models above.
        ids: Number of users and movies together.
    """
    if ids <= MOST_IDS:
        return model
    student = model.student
    grown = {
        name: limit * ids // MOST_IDS
        for name, limit in (("max_bytes", student.max_bytes), ("max_parameters", student.max_parameters))
        if limit is not None
    }
    return model.model_copy(
        update={
            "student": student.model_copy(update=grown),
            "description": f"Distilled to under {grown['max_bytes']:,} bytes, for {ids:,} users and movies.",
        }
    )


QUICK_TEACHER: Final = TeacherSettings(
    ordinal=BayesianFactorsSettings(noise="ordinal", sweeps=60, burn_in=20, thin=1),
    gaussian=BayesianFactorsSettings(noise="gaussian", sweeps=60, burn_in=20, thin=1),
)
"""Half the rounds, every one of which is a sample."""

QUICK_BLEND: Final = Blend(members=("ordinal", "gaussian"), weights=(0.5, 0.5))
"""No weights to find, so that the members are fitted once instead of twice."""

MOST_SAMPLED_RATINGS: Final = 5_000_000
"""With more ratings than this, the samplers would take more than about seven minutes of two cores."""

LARGE_BLEND: Final = Blend(members=("variational",), weights=(1.0,))
"""The teacher for more ratings than the sampler can read: a variational factorisation, fitted once."""

HELD_OUT_OF_LARGE: Final = 0.01
"""Part of so many training rows that is left out of the training, for the distributions of ratings."""
