"""The engines by name, as in the setting `RATINGS_ENGINE`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from app.scoring.keras_engine import load_keras_engine
from app.scoring.scorer import Engine
from app.scoring.table_engine import load_table_engine
from training.artefact import Artefact

EngineLoader = Callable[[Artefact], Engine]

ENGINES: Final[Mapping[str, EngineLoader]] = MappingProxyType(
    {"table": load_table_engine, "keras": load_keras_engine}
)
# Those whose models survive a fork: arrays do, TensorFlow's threads do not.
FORK_SAFE: Final = frozenset({"table"})
