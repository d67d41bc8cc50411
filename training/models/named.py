"""The published models by name, which `fit` trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

from training.errors import SettingsError
from training.families import FullTable, MixedDimension, QuotientRemainder
from training.settings import ModelSettings

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
"""The models that `fit` can train, by name, in the order of its report."""

_Model = TypeVar("_Model")


def select(names: Sequence[str] | None, models: Mapping[str, _Model], what: str = "model") -> list[_Model]:
    """Return the models with these names, or all models if no name is given.

    Args:
        names: The selected names.
        models: All models by name.
        what: Term for a model in error messages.

    Raises:
        SettingsError: If a name is unknown or given twice.
    """
    chosen = names or list(models)
    unknown = [name for name in chosen if name not in models]
    if unknown:
        raise SettingsError(f"there is no {what} {unknown[0]!r}; there are {', '.join(models)}")
    if len(set(chosen)) != len(chosen):
        raise SettingsError("a model is named twice")
    return [models[name] for name in chosen]
