"""The published models by name, and what `fit` trains."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from training.settings import FullTable, MixedDimension, ModelSettings, QuotientRemainder

BASELINE: Final = ModelSettings(
    name="baseline",
    description="One embedding of length 64 for each user and each movie.",
    embedding_dim=64,
    users=FullTable(),
    movies=FullTable(),
)
"""623,744 parameters on MovieLens 1M."""

MEMORY_EFFICIENT: Final = ModelSettings(
    name="memory_efficient",
    description="Users by quotient and remainder, movies in blocks of falling width by popularity.",
    embedding_dim=64,
    users=QuotientRemainder(quotient_rows="num_buckets", operation="multiply"),
    movies=MixedDimension(extra_row=True, projection_bias=True),
)
"""117,968 parameters on MovieLens 1M: the default buckets and blocks are the published ones there."""

MODELS: Final[Mapping[str, ModelSettings]] = MappingProxyType(
    {settings.name: settings for settings in (BASELINE, MEMORY_EFFICIENT)}
)
"""What `fit` can train by name, in the order in which it is reported."""
