"""`memory_efficient`: quotient-remainder users and mixed-dimension movies, in the published sizes."""

from __future__ import annotations

from typing import Final

from training.settings import MixedDimension, ModelSettings, QuotientRemainder

MEMORY_EFFICIENT: Final = ModelSettings(
    name="memory_efficient",
    description="Users by quotient and remainder, movies in blocks of falling width by popularity.",
    embedding_dim=64,
    users=QuotientRemainder(quotient_rows="num_buckets", operation="multiply"),
    movies=MixedDimension(extra_row=True, projection_bias=True),
)
"""117,968 parameters on MovieLens 1M: the default buckets and blocks are the published ones there."""
