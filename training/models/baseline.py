"""`baseline`: one embedding row for each user and each movie."""

from __future__ import annotations

from typing import Final

from training.settings import FullTable, ModelSettings

BASELINE: Final = ModelSettings(
    name="baseline",
    description="One embedding of length 64 for each user and each movie.",
    embedding_dim=64,
    users=FullTable(),
    movies=FullTable(),
)
"""623,744 parameters on MovieLens 1M."""
