"""The models by name. Settings only: importing this imports no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from training.distillation.settings import DistilledModel
from training.models.accurate import ACCURATE
from training.models.baseline import BASELINE
from training.models.compact import COMPACT
from training.models.memory_efficient import MEMORY_EFFICIENT
from training.models.tiny import TINY
from training.settings import ModelSettings

MODELS: Final[Mapping[str, ModelSettings]] = MappingProxyType(
    {settings.name: settings for settings in (BASELINE, MEMORY_EFFICIENT)}
)
"""What `fit` can train by name, in the order in which it is reported."""

DISTILLED: Final[Mapping[str, DistilledModel]] = MappingProxyType(
    {model.name: model for model in (TINY, COMPACT, ACCURATE)}
)
"""What `distil` can make by name, the smallest first."""

__all__ = ["ACCURATE", "BASELINE", "COMPACT", "DISTILLED", "MEMORY_EFFICIENT", "MODELS", "TINY"]
