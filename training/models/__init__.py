"""The models by name. Settings only: importing this imports no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from training.models.baseline import BASELINE
from training.models.memory_efficient import MEMORY_EFFICIENT
from training.settings import ModelSettings

MODELS: Final[Mapping[str, ModelSettings]] = MappingProxyType(
    {settings.name: settings for settings in (BASELINE, MEMORY_EFFICIENT)}
)
"""What can be trained by name, in the order in which it is reported."""

__all__ = ["BASELINE", "MEMORY_EFFICIENT", "MODELS"]
